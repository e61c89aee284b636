"""The labelled rows of a round: answers merged into targets, one row an item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core.aggregation import Aggregator, merge_answers
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.tasks import InvalidAnswer, Task

# At most this share of the labels is kept from the model that chooses what to ask: the price stays bounded where
# many labels were drawn, as in a burst without a worker.
WITHHELD = 0.2
# The cold start ends after three labels a class, and after so many labels however many classes there are.
LABELS_PER_CLASS, COLD_LABELS = 3, 50


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


def acquiring(labelled: Labelled, drawn_rows: IntArray) -> Labelled:
    """What the model that chooses may know: all but the newest of the rows drawn at random, given oldest first.

    Why: an item that was labelled at random would keep the queue from asking its neighbours. Leaving it out to measure
    would then leave a hole that no other item of the pool has, and the accuracy shown would be too low.
    """
    drawn = drawn_rows[np.isin(drawn_rows, labelled.rows)]
    withheld = drawn[max(0, len(drawn) - int(WITHHELD * len(labelled.rows))) :]
    kept = ~np.isin(labelled.rows, withheld)
    return Labelled(labelled.rows[kept], labelled.targets[kept], labelled.members[kept], labelled.misfits)


def memberships(task: Task, probabilities: FloatArray) -> BoolArray:
    """Which classes [n, K] `task.decode` would name: the first most probable one, or each above ½."""
    if not task.exclusive or not len(probabilities):
        return np.asarray(probabilities > 0.5)
    return np.asarray(probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1]))


def is_cold(members: BoolArray) -> bool:
    """Whether the labels are too few for a model's doubts to mean something, from merged answers [n, K].

    They are until two different answers were seen and there are three labels a class, or 50 with many
    classes. Under two or three labels a class, uncertainty is noise, and typical items teach more (TypiClust,
    ICML 2022).
    """
    enough = min(LABELS_PER_CLASS * members.shape[1], COLD_LABELS)
    return len(members) < enough or not learnable(members)


def learnable(members: BoolArray) -> bool:
    """Whether two different answers were seen, so that there is something to tell apart."""
    return len(members) > 1 and bool((members != members[0]).any())
