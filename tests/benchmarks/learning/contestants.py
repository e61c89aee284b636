"""Who takes part: the default recipe, our strategies by themselves, and the libraries' strategies."""

import importlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass

from app.core import plugins
from app.core.strategies import Strategy
from tests.benchmarks.learning import asking
from tests.benchmarks.learning.play import Asker
from tests.benchmarks.learning.problems import Problem

LIBRARIES = {"scikit_activeml": "scikit-activeml", "small_text": "small-text", "modal": "modAL-python"}


@dataclass(frozen=True)
class Contestant:
    """One row of the tables: its name, "recipe", "ours" or the library's name, and how it asks.

    sources: the modules on which its choices depend, so that a result is not kept beyond a change of theirs.
    """

    name: str
    group: str
    ask: Callable[[Problem, int], Asker]
    sources: tuple[str, ...]


def everyone() -> dict[str, Contestant]:
    """All, by name; our strategies are the plug-ins there are, `auto` is the recipe of a project that chose nothing."""
    found = [
        _recipe("auto", 0.0),
        _recipe("auto, 10 % drawn", 0.1),
        *(_strategy(name) for name in plugins.names("strategies") if name != "auto"),
        *(_peer(library, one) for library in LIBRARIES for one in peers(library)),
    ]
    return {one.name: one for one in found}


def _recipe(name: str, random_share: float) -> Contestant:
    every = tuple(f"app.core.strategies.{one}" for one in plugins.names("strategies"))
    return Contestant(
        name,
        "recipe",
        lambda problem, seed: asking.by_recipe(problem, {}, random_share, seed),
        ("app.core.round", *every),
    )


def _strategy(name: str) -> Contestant:
    strategy = plugins.make("strategies", {"name": name}, Strategy)
    cold = not strategy.needs_model and name != "random"
    return Contestant(
        name,
        "ours",
        lambda problem, seed: asking.by_strategy(problem, strategy, cold, seed),
        (f"app.core.strategies.{name}",),
    )


def _peer(library: str, strategy: Strategy) -> Contestant:
    return Contestant(
        strategy.name,
        LIBRARIES[library],
        lambda problem, seed: asking.by_strategy(problem, strategy, not strategy.needs_model, seed),
        (f"tests.benchmarks.learning.peers.{library}",),
    )


def peers(library: str = "") -> list[Strategy]:
    """The strategies of one library, or of all."""
    among = [library] if library else list(LIBRARIES)
    modules = [importlib.import_module(f"tests.benchmarks.learning.peers.{one}") for one in among]
    return [one for module in modules for one in module.STRATEGIES]


def versions() -> dict[str, str]:
    """The libraries' versions."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES.values()}
