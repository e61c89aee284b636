"""A round: merge answers, fit, score the pool, choose the queue. Pure: arrays in, arrays out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core import evaluation, plugins
from app.core.aggregation import Aggregator, merge_answers
from app.core.data import BoolArray, Features, FloatArray, IntArray
from app.core.learners import Learner, State, fold_of
from app.core.selection import QueueEntry as QueueEntry
from app.core.selection import choose, is_cold, learnable, pick_strategy
from app.core.tasks import InvalidAnswer, Task

DEFAULTS: dict[str, Any] = {
    "learner": {"name": "linear"},
    "strategy": {"name": "margin"},
    "cold_start": {"name": "typical"},
    "aggregation": {"name": "majority"},
}
# (folds, up to so many rows × classes): 20 folds are 3.5 times the work of 5.
FOLDS = ((20, 80_000), (10, 300_000))
# Fewer uniformly drawn rows calibrate worse than all labelled rows do, although those are harder than the pool.
ENOUGH_UNIFORM = 50


@dataclass(frozen=True)
class RoundInput:
    """All that a round depends on; rows that are not encoded yet (≥ features.rows) are left out.

    recipe: the specs `learner`, `strategy`, `cold_start`, `aggregation`, each with a default.
    answers: (row, annotator, answer); one answer of a person to an item.
    open_rows: may be asked. busy_rows: in somebody's hands; not asked, but covered.
    audit_rows: the answered rows of the audit set, a uniform sample of the whole pool.
    previous: the state of the last round's learner.
    step: told each step's name before it begins; may raise to cancel.
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
class RoundOutput:
    """What a round publishes.

    queue: best first. probabilities: float16 [features.rows, K], of labelled rows out of fold, so that what
    is exported for a row was never trained on its own answer; None without a model. state: empty without a
    model. strategy: the one that really ranked. pool_size: how many rows it could choose from.
    """

    queue: list[QueueEntry]
    probabilities: npt.NDArray[np.float16] | None
    state: State
    metrics: dict[str, Any]
    strategy: str
    seconds: dict[str, float]
    pool_size: int


@dataclass(frozen=True)
class _Labelled:
    """The labelled rows, sorted; their merged targets [n, K] and memberships [n, K]; answers that fit no more."""

    rows: IntArray
    targets: FloatArray
    members: BoolArray
    misfits: int


def run(given: RoundInput) -> RoundOutput:
    """One round. Raises what `given.step` raises, between steps."""
    rng = np.random.default_rng(given.seed)
    recipe = DEFAULTS | {name: spec for name, spec in given.recipe.items() if name in DEFAULTS and spec}
    seconds: dict[str, float] = {}
    with _timed("merge", given, seconds):
        labelled = _merge(given, plugins.make("aggregation", recipe["aggregation"], Aggregator))
    learner: Learner | None = None
    scores: FloatArray | None = None
    if learnable(labelled.members):
        with _timed("fit", given, seconds):
            learner = plugins.make("learners", recipe["learner"], Learner)
            _fit(given, learner, labelled, rng)
        with _timed("score", given, seconds):
            scores = _score(given.features, learner, labelled)
    with _timed("choose", given, seconds):
        name, strategy = pick_strategy(recipe, is_cold(labelled.members), learner is not None)
        open_rows = _encoded(given.open_rows, given)
        held = np.union1d(labelled.rows, _encoded(given.busy_rows, given))
        open_rows = np.setdiff1d(open_rows, _encoded(given.busy_rows, given))
        queue = choose(strategy, given.task, given.features, scores, open_rows, held, given.queue_size, rng)
    with _timed("measure", given, seconds):
        metrics = _metrics(given, labelled, learner)
    published = None if scores is None else scores.astype(np.float16)
    state = learner.state() if learner else {}
    return RoundOutput(queue, published, state, metrics, name, seconds, len(open_rows))


@contextmanager
def _timed(name: str, given: RoundInput, seconds: dict[str, float]) -> Iterator[None]:
    given.step(name)
    start = perf_counter()
    yield
    seconds[name] = round(perf_counter() - start, 4)


def _encoded(rows: IntArray, given: RoundInput) -> IntArray:
    rows = np.asarray(rows, np.int64)
    return rows[rows < given.features.rows]


def _merge(given: RoundInput, aggregator: Aggregator) -> _Labelled:
    """Merge the answers to encoded rows; those that no longer fit the task (a class was removed) are counted."""
    fitting = []
    known = [answer for answer in given.answers if answer[0] < given.features.rows]
    for answer in known:
        try:
            given.task.encode({}, answer[2])
        except InvalidAnswer:
            continue
        fitting.append(answer)
    rows, targets, _ = merge_answers(aggregator, given.task, fitting)
    return _Labelled(rows, targets, memberships(given.task, targets), len(known) - len(fitting))


def memberships(task: Task, probabilities: FloatArray) -> BoolArray:
    """Which classes [n, K] `task.decode` would name: the first most probable one, or each above ½."""
    if not task.exclusive or not len(probabilities):
        return np.asarray(probabilities > 0.5)
    return np.asarray(probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1]))


def _fit(given: RoundInput, learner: Learner, labelled: _Labelled, rng: np.random.Generator) -> None:
    uniform = np.isin(labelled.rows, given.audit_rows)
    n_folds = _folds(*labelled.targets.shape)
    learner.fit(
        given.features.take(labelled.rows),
        labelled.targets,
        np.ones(len(labelled.rows), np.float32),
        given.task.exclusive,
        rng,
        fold_of(labelled.rows, n_folds),
        n_folds,
        uniform if uniform.sum() >= ENOUGH_UNIFORM else None,
        given.previous,
    )


def _folds(n: int, classes: int) -> int:
    """More folds where they are cheap, so that the models which are measured have seen nearly all labels.

    With few labels a class the last fifth of them still brings points that 5 folds would not show.
    """
    return next((folds for folds, most in FOLDS if n * classes <= most), 5)


def _score(features: Features, learner: Learner, labelled: _Labelled) -> FloatArray:
    """Probabilities [rows, K], float32: of labelled rows out of fold, of all others from the whole fit."""
    scores = np.empty((features.rows, labelled.targets.shape[1]), np.float32)
    for start, block in features.shards():
        scores[start : start + len(block)] = learner.predict(block)
    scores[labelled.rows] = learner.out_of_fold()
    return scores


def _metrics(given: RoundInput, labelled: _Labelled, learner: Learner | None) -> dict[str, Any]:
    """What is known of the round: counts, and quality on the audit rows, None where nothing can be said."""
    counts = labelled.members.sum(axis=0).tolist()
    metrics: dict[str, Any] = {
        "labelled": len(labelled.rows),
        "classes": dict(zip(given.task.classes, counts, strict=True)),
        "unseen_classes": [name for name, n in zip(given.task.classes, counts, strict=True) if not n],
        "answers_left_out": labelled.misfits,
        "temperature": learner.temperature if learner else None,
    }
    audit = np.isin(labelled.rows, given.audit_rows)
    measured = {"accuracy": None, "macro_f1": None, "log_loss": None, "ece": None}
    if learner is not None and audit.any():
        p = learner.out_of_fold()[audit]
        measured = _measure(given.task, p, labelled.targets[audit], labelled.members[audit])
    return metrics | measured


def _measure(task: Task, p: FloatArray, targets: FloatArray, truth: BoolArray) -> dict[str, Any]:
    """Quality of out-of-fold predictions p [n, K] on a uniform sample: see the module `evaluation`."""
    predicted = memberships(task, p)
    right = (predicted == truth).all(axis=1)
    low, high = evaluation.wilson(int(right.sum()), len(right))
    confidence = np.array([task.confidence(one) for one in p])
    return {
        "accuracy": {"estimate": float(right.mean()), "low": low, "high": high, "n": len(right)},
        "macro_f1": evaluation.macro_f1(predicted, truth),
        "log_loss": evaluation.log_loss(p, targets, task.exclusive),
        "ece": evaluation.ece(confidence, right),
    }
