"""Aggregation: from the votes of several people to one belief about each unit."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core.cuts import Cuts
from app.core.data import FloatArray, IntArray
from app.core.tasks import Task


@dataclass(frozen=True)
class Merged:
    """Units with votes (unique, sorted), their probabilities [u, C], and a quality for each annotator, 0 to
    1.
    """

    units: IntArray
    probabilities: FloatArray
    annotators: dict[int, float]


class Aggregator(ABC):
    """Merges votes. Rows of the result sum to 1; a unit without votes is not in it; the order of votes is of
    no effect.
    """

    @abstractmethod
    def merge(self, units: IntArray, annotators: IntArray, classes: IntArray, n_classes: int) -> Merged:
        """Three arrays of one length, a vote each: annotator `annotators[v]` says that `units[v]` is
        `classes[v]`.
        """


@dataclass(frozen=True)
class MergedRows:
    """The answered rows [n], sorted, the probabilities [pieces, outputs] of their pieces, how they fall into these, and
    a quality for each annotator. `task.opinions` of them are the merged answers.
    """

    rows: IntArray
    probabilities: FloatArray
    cuts: Cuts
    annotators: dict[int, float]


def merge_answers(
    aggregator: Aggregator, task: Task, answers: list[tuple[int, int, dict[str, Any]]], cuts: Cuts | None = None
) -> MergedRows:
    """Merge (row, annotator, answer). cuts: of all rows; None where items are cut as their answers need it, so that
    nothing of an answer is lost that all agree on.
    """
    rows, place = np.unique(np.array([row for row, _, _ in answers], np.int64), return_inverse=True)
    if not answers:
        return MergedRows(rows, np.empty((0, task.outputs)), Cuts(0) if cuts is None else cuts.some(rows), {})
    units: IntArray
    people: IntArray = np.array([annotator for _, annotator, _ in answers], np.int64)
    if not task.pieces:
        outcomes = np.stack([task.encode({}, answer) for _, _, answer in answers])
        units = place[:, None] * task.units + np.arange(task.units)
        people = np.repeat(people, task.units)
        mine = Cuts(len(rows))
    else:
        units, outcomes, spread, mine = _cut(task, [answer for _, _, answer in answers], rows, place, cuts)
        people = people[spread]
    merged = aggregator.merge(units.reshape(-1), people, outcomes.reshape(-1), task.unit_classes)
    stacked = merged.probabilities.reshape(-1, task.units, task.unit_classes)
    return MergedRows(rows, task.per_class(stacked), mine, merged.annotators)


def _cut(
    task: Task, answers: list[Any], rows: IntArray, place: IntArray, cuts: Cuts | None
) -> tuple[IntArray, IntArray, IntArray, Cuts]:
    """Votes on pieces: of each the piece, the outcome and the number of its answer; and how `rows` fall into pieces."""
    order = np.argsort(place, kind="stable")
    borders = np.flatnonzero(np.diff(place[order])) + 1
    outcomes: list[IntArray] = []
    bounds = []
    for row, group in zip(rows.tolist(), np.split(order, borders), strict=True):
        mine = [answers[number] for number in group.tolist()]
        if cuts is None:
            where, found = task.votes(mine)
            outcomes += list(found)
            bounds.append(where)
        else:
            where = cuts.bounds[cuts.part(row)]
            outcomes += [task.encode({}, answer, where) for answer in mine]
    made = Cuts.of_items(bounds) if cuts is None else cuts.some(rows)
    lengths = made.lengths[place[order]]
    return made.of(place[order]), np.concatenate(outcomes), np.repeat(order, lengths), made
