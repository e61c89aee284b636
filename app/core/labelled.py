"""The labelled rows of a round: answers merged into targets, one row an item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core.aggregation import Aggregator, merge_answers
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.tasks import InvalidAnswer, Task


@dataclass(frozen=True)
class Labelled:
    """The labelled rows, sorted; their merged targets [n, K] and memberships [n, K]; answers that fit no more."""

    rows: IntArray
    targets: FloatArray
    members: BoolArray
    misfits: int


def merge(task: Task, answers: Sequence[tuple[int, int, dict[str, Any]]], rows: int, by: Aggregator) -> Labelled:
    """Merge (row, annotator, answer) of the first `rows` rows; answers that no longer fit the task (a class was
    removed) are counted.
    """
    fitting = []
    known = [answer for answer in answers if answer[0] < rows]
    for answer in known:
        try:
            task.encode({}, answer[2])
        except InvalidAnswer:
            continue
        fitting.append(answer)
    merged, targets, _ = merge_answers(by, task, fitting)
    return Labelled(merged, targets, memberships(task, targets), len(known) - len(fitting))


def memberships(task: Task, probabilities: FloatArray) -> BoolArray:
    """Which classes [n, K] `task.decode` would name: the first most probable one, or each above ½."""
    if not task.exclusive or not len(probabilities):
        return np.asarray(probabilities > 0.5)
    return np.asarray(probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1]))
