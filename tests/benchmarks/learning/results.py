"""What the runs say: each run's labels to a target, area under its curve and seconds, by place, contestant and seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.core.evaluation.curves import aubc, labels_to
from tests.benchmarks.learning import plan, runs
from tests.benchmarks.learning.plan import Cell

TARGETS = (0.95, 0.99)


@dataclass(frozen=True, order=True)
class Place:
    """Where contestants meet: a data set, plain or spoiled, and how many labels are asked at once."""

    data: str
    variant: str = "plain"
    batch: str = "small"

    def __str__(self) -> str:
        return ", ".join([self.data, *([self.variant] if self.variant != "plain" else []), f"{self.batch} batches"])


@dataclass(frozen=True)
class Outcome:
    """One run, measured. to[q]: labels at the first accuracy of q times that with all labels; censored[q]: it never got
    there, and `to` is the budget and one batch. areas: mean "accuracy" and "macro-F1" over the budget. query: seconds
    of choosing, all in all; queries: how often it chose; is_timed: by the code as it is, not by one that was slower.
    """

    to: dict[float, float]
    censored: dict[float, bool]
    areas: dict[str, float]
    full: float
    query: float
    queries: int
    points: list[tuple[int, float]]
    rows: str
    stopped: bool
    is_timed: bool = True


# place → contestant → seed → outcome
Results = dict[Place, dict[str, dict[int, Outcome]]]


def load(cells: Iterable[Cell], older: bool = False) -> tuple[Results, int]:
    """The outcomes of these cells, as far as they were run by the code as it is now; with `older` the newest of each
    cell, by whatever code, and how many of them are of other code.
    """
    wanted = {runs.key(cell): cell for cell in cells}
    by_place = {runs.place(cell): cell for cell in wanted.values()}
    results: Results = {}
    current: dict[Cell, bool] = {}
    for line in runs.kept({cell.data for cell in wanted.values()}):
        cell = wanted.get(line["key"]) or (by_place.get(runs.place_of(line)) if older else None)
        if cell:
            current[cell] = line["key"] in wanted
            there = results.setdefault(Place(cell.data, cell.variant, cell.batch), {})
            there.setdefault(cell.name, {})[cell.seed] = outcome(line, cell)
    return results, len(current) - sum(current.values())


def outcome(line: dict[str, Any], cell: Cell) -> Outcome:
    """A kept line, measured."""
    run, full = line["run"], line["full"]
    points = list(zip(run["labels"], run["accuracy"], strict=True))
    curves = {"accuracy": points, "macro-F1": list(zip(run["labels"], run["macro_f1"], strict=True))}
    budget = min(plan.BUDGETS[cell.data].labels, points[-1][0])
    reached = {target: labels_to(points, target * full) for target in TARGETS}
    return Outcome(
        to={target: labels for target, (labels, _) in reached.items()},
        censored={target: censored for target, (_, censored) in reached.items()},
        areas={measure: aubc(curve, cell.size, budget) for measure, curve in curves.items()},
        full=full,
        query=sum(run["query"]),
        queries=sum(second > 0 for second in run["query"]),
        points=points,
        rows=run["rows"],
        stopped=run["stopped"],
        is_timed=runs.digest(line) == runs.key(cell).rsplit("/", 1)[1],
    )


def finished(results: Results, place: Place, name: str) -> dict[int, Outcome]:
    """A contestant's outcomes at a place, by seed; none where a run was broken off, for half a curve is no curve."""
    found = results.get(place, {}).get(name, {})
    return {} if any(one.stopped for one in found.values()) else found
