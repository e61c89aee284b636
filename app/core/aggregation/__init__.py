"""Aggregation: from the votes of several people to one belief about each unit."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

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


def merge_answers(
    aggregator: Aggregator, task: Task, answers: list[tuple[int, int, dict[str, Any]]]
) -> tuple[IntArray, FloatArray, dict[int, float]]:
    """Merge (row, annotator, answer) into the answered rows [n], sorted, their class probabilities [n, K],
    and qualities.

    `task.decode` of a row of these is the merged answer.
    """
    if not answers:
        return np.empty(0, np.int64), np.empty((0, len(task.classes))), {}
    rows = np.array([row for row, _, _ in answers], np.int64)
    people = np.array([annotator for _, annotator, _ in answers], np.int64)
    outcomes = np.stack([task.encode({}, answer) for _, _, answer in answers])
    units = rows[:, None] * task.units + np.arange(task.units)
    merged = aggregator.merge(units.reshape(-1), np.repeat(people, task.units), outcomes.reshape(-1), task.unit_classes)
    stacked = merged.probabilities.reshape(-1, task.units, task.unit_classes)
    return merged.units[:: task.units] // task.units, task.per_class(stacked), merged.annotators
