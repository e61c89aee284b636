"""What a simulation is to play: strategies, learners, seeds and budget, checked before anything is computed."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.commands.simulating.dataset import DataSet
from app.errors import BadInput

if TYPE_CHECKING:
    from app.core.simulate import Budget

Spec = dict[str, Any]
LABELS = 300


@dataclass(frozen=True)
class Plan:
    """Everything but the data. recipe: what the replays share."""

    strategies: Sequence[Spec]
    learners: Sequence[Spec]
    seeds: int
    budget: "Budget"
    recipe: dict[str, Any]

    def fixed(self) -> dict[str, Any]:
        """What must be the same for results to be kept together; strategies, learners and seeds may be added."""
        shared = {name: self.recipe.get(name) for name in ("cold_start", "aggregation", "random_share")}
        budget = {name: getattr(self.budget, name) for name in ("labels", "batch", "is_calibrated", "test_share")}
        return {**budget, **shared}


def of(args: argparse.Namespace, data: DataSet) -> Plan:
    """The plan that the command line asks for. Raises BadInput."""
    from app.core.plugins import UnknownPlugin
    from app.core.round import DEFAULTS
    from app.core.simulate import RANDOM_SHARE, Budget

    recipe = {"random_share": RANDOM_SHARE, **DEFAULTS, **data.recipe}
    try:
        if args.cold_start:
            recipe["cold_start"] = _specs("strategies", args.cold_start)[0]
        strategies = _specs("strategies", args.strategy) if args.strategy else [_default(data, recipe)]
        learners = _specs("learners", args.learner) if args.learner else [recipe["learner"]]
    except UnknownPlugin as error:
        raise BadInput(f"{error}.") from None
    if all(spec["name"] != "random" for spec in strategies):
        strategies.append({"name": "random"})  # what everything is compared with
    labels = _labels(args.labels, len(data.answers), args.batch)
    _check_answers(data)
    return Plan(strategies, learners, args.seeds, Budget(labels, args.batch, 0, args.calibrate), recipe)


def _specs(room: str, text: str) -> list[Spec]:
    from app.core.replays import read_spec

    found = [read_spec(room, part) for part in text.split(",") if part.strip()]
    if not found:
        raise BadInput(f"No name stands in {text!r}.")
    return [spec for number, spec in enumerate(found) if spec not in found[:number]]


def _default(data: DataSet, recipe: dict[str, Any]) -> Spec:
    """A project's own strategy; else the one that needs no knobs, where there is one."""
    from app.core import plugins

    if not data.recipe and "auto" in plugins.names("strategies"):
        return {"name": "auto"}
    spec: Spec = recipe["strategy"]
    return spec


def _labels(wanted: int | None, items: int, batch: int) -> int:
    """The labels to spend. Raises BadInput where there are fewer items, the fifth that is kept apart aside."""
    from app.core.simulate import Budget, test_rows

    if items < 2:
        raise BadInput("There must be two items at least.")
    left = items - len(test_rows(items, Budget(1, 1, 0)))
    labels = min(wanted or LABELS, left) if wanted is None else wanted
    if labels > left:
        apart = items - left
        raise BadInput(
            f"{labels:,} labels cannot be spent: of {items:,} items {apart:,} are kept apart to test on, "
            f"which leaves {left:,}. Give --labels {left} or fewer."
        )
    if batch > labels:
        raise BadInput(f"A batch of {batch:,} is larger than the budget of {labels:,} labels.")
    return labels


def _check_answers(data: DataSet) -> None:
    """Raise BadInput where there is nothing to tell apart."""
    known = {str(answer) for answer in data.answers if answer is not None}
    if len(known) < 2:
        raise BadInput("There must be two different answers at least; every item has the same one.")
