"""A round: merge answers, fit, score the pool, choose the queue. Pure: arrays in, arrays out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.data import Features, IntArray
from app.core.learners import State
from app.core.tasks import Task


@dataclass(frozen=True)
class RoundInput:
    """All that a round depends on; rows that are not encoded yet (≥ features.rows) are left out.

    recipe: the specs `learner`, `strategy`, `cold_start`, `aggregation`, each with a default.
    answers: (row, annotator, answer); one answer of a person to an item.
    open_rows: may be asked. busy_rows: in somebody's hands; not asked, but covered.
    audit_rows: the answered rows of the audit set, a uniform sample of the whole pool.
    previous: the state of the last round's learner. step: told each step's name before it begins; may raise
    to cancel.
    """

    task: Task
    recipe: dict[str, Any]
    features: Features
    answers: list[tuple[int, int, dict[str, Any]]]
    open_rows: IntArray
    busy_rows: IntArray
    audit_rows: IntArray
    previous: State | None
    queue_size: int
    seed: int
    step: Callable[[str], None]


@dataclass(frozen=True)
class QueueEntry:
    """One item to ask: its row, its score, why, and what the model would answer: {"answer", "confidence"}."""

    row: int
    score: float
    reason: str
    suggestion: dict[str, Any] | None


@dataclass(frozen=True)
class RoundOutput:
    """What a round publishes.

    queue: best first. probabilities: float16 [features.rows, K], of labelled rows out of fold, so that what
    is exported for a row was never trained on its own answer; None without a model. strategy: the one that
    really ranked.
    """

    queue: list[QueueEntry]
    probabilities: npt.NDArray[np.float16] | None
    state: State
    metrics: dict[str, Any]
    strategy: str
    seconds: dict[str, float]
    pool_size: int


def run(given: RoundInput) -> RoundOutput:
    """One round."""
    raise NotImplementedError
