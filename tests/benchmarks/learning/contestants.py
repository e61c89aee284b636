"""Who takes part: our strategies and the libraries', each with how it starts."""

import importlib
from dataclasses import dataclass

from app.core import plugins
from app.core.strategies import Strategy

LIBRARIES = ("scikit_activeml", "small_text", "modal")


@dataclass(frozen=True)
class Contestant:
    """One row of the tables. cold: it asks from the first item on, without the random batch that others start with."""

    name: str
    group: str
    strategy: Strategy

    @property
    def cold(self) -> bool:
        """A strategy that needs no model, and one that gives way to such a one while there is none."""
        return self.name == "auto" or (not self.strategy.needs_model and self.name != "random")


def ours() -> list[Contestant]:
    """Every plug-in of the room, with its default settings."""
    return [
        Contestant(name, "ours", plugins.make("strategies", {"name": name}, Strategy))
        for name in plugins.names("strategies")
    ]


def peers() -> list[Contestant]:
    """Every strategy of the libraries that takes part."""
    found = []
    for library in LIBRARIES:
        module = importlib.import_module(f"tests.benchmarks.learning.peers.{library}")
        found += [Contestant(one.name, library, one) for one in module.STRATEGIES]
    return found


def everyone() -> dict[str, Contestant]:
    """All, by name."""
    return {one.name: one for one in [*ours(), *peers()]}
