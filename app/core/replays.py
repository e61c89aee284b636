"""Which replays a simulation is made of, and each one's result as plain data, to be kept and gone on with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from app.core import plugins
from app.core.comparison import Run, Standing, compare
from app.core.evaluation.curves import RESAMPLES
from app.core.simulate import Budget, Known, full, replay, with_strategy

Spec = dict[str, Any]
ROOMS = ("strategies", "learners")


@dataclass(frozen=True)
class Replay:
    """One replay: a strategy and a learner, as specs, from one seed; without a strategy the fit on all labels."""

    strategy: Spec | None
    learner: Spec
    seed: int

    @property
    def names(self) -> tuple[str, str, int]:
        """What it is known by: (strategy or "", learner, seed)."""
        return written(self.strategy) if self.strategy else "", written(self.learner), self.seed


def replays(strategies: Sequence[Spec], learners: Sequence[Spec], seeds: int) -> list[Replay]:
    """All of a simulation, seed by seed, so that what is finished early can be compared in pairs."""
    kinds = [None, *strategies]
    return [Replay(kind, learner, seed) for seed in range(seeds) for learner in learners for kind in kinds]


def rounds_of(one: Replay, budget: Budget) -> int:
    """How many rounds it takes, for telling how far it is."""
    return 1 + -(-budget.labels // budget.batch) if one.strategy else 1


def played(
    known: Known,
    recipe: dict[str, Any],
    budget: Budget,
    one: Replay,
    after: Callable[[], None] = lambda: None,
    step: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Play one: {"strategy", "learner", "seed", "points"}. `after` is called after every round; both may raise."""
    mine = replace(budget, seed=one.seed)
    if one.strategy is None:
        points = [full(known, {**recipe, "learner": one.learner}, mine)]
        after()
    else:
        points = []
        for point in replay(known, with_strategy(recipe, one.strategy, one.learner), mine, step):
            points.append(point)
            after()
    strategy, learner, seed = one.names
    return {"strategy": strategy, "learner": learner, "seed": seed, "points": [asdict(point) for point in points]}


def standings(
    results: Iterable[dict[str, Any]], measure: str = "accuracy", resamples: int = RESAMPLES
) -> list[Standing]:
    """What results say together, in the order of the strategies' first results; equal results, equal figures."""
    kept = list(results)
    runs = [
        Run(
            one["strategy"],
            one["learner"],
            one["seed"],
            [(point["labels"], point[measure]) for point in one["points"] if point[measure] is not None],
        )
        for one in kept
        if one["strategy"]
    ]
    return compare(runs, full_of(kept, measure), np.random.default_rng(0), resamples=resamples)


def full_of(results: Iterable[dict[str, Any]], measure: str = "accuracy") -> dict[tuple[str, int], float]:
    """The accuracy with all labels, by learner and seed."""
    return {(one["learner"], one["seed"]): one["points"][0][measure] for one in results if not one["strategy"]}


def read_spec(room: str, text: str) -> Spec:
    """A plug-in as it is written in a line: "name" or "name:setting=value:setting=value". Raises UnknownPlugin."""
    name, *settings = text.strip().split(":")
    spec: Spec = {"name": name}
    for each in settings:
        key, equals, value = each.partition("=")
        if not equals:
            raise plugins.UnknownPlugin(f"{text}: settings are written name:setting=value")
        spec[key.strip()] = value.strip()
    return plugins.check(room, spec)


def written(spec: Spec) -> str:
    """A spec in a line, as `read_spec` reads it."""
    return ":".join([spec["name"], *(f"{key}={value}" for key, value in spec.items() if key != "name")])
