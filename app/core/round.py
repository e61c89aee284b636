"""A round: merge answers, fit, score the pool, choose the queue. Pure: arrays in, arrays out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core import measure as measuring
from app.core import plugins
from app.core.aggregation import Aggregator
from app.core.data import Features, FloatArray, IntArray
from app.core.labelled import Labelled, acquiring, merge
from app.core.learners import Learner, State
from app.core.selection import QueueEntry as QueueEntry
from app.core.selection import choose, is_cold, learnable, pick_strategy
from app.core.strategies import Strategy
from app.core.tasks import Task

DEFAULTS: dict[str, Any] = {
    "learner": {"name": "linear"},
    "strategy": {"name": "margin"},
    "cold_start": {"name": "maxherding"},
    "aggregation": {"name": "majority"},
}


@dataclass(frozen=True)
class RoundInput:
    """All that a round depends on; rows that are not encoded yet (≥ features.rows) are left out.

    recipe: the specs `learner`, `strategy`, `cold_start`, `aggregation`, each with a default.
    answers: (row, annotator, answer); one answer of a person to an item.
    open_rows: may be asked. busy_rows: in somebody's hands; not asked, but covered.
    audit_rows: the answered rows of the audit set, a uniform sample of the whole pool.
    drawn_rows: the answered rows that were asked at random and by no queue, oldest first; a strategy that needs a
    model is given one that does not know them (see `acquiring`).
    previous: the state of the last round's learner. measured: the state of the one that was measured last.
    scores: the probabilities of the last round, which labelled rows keep where nothing is measured: there each is
    out of fold, or was made before its item was labelled. may_defer: leave expensive measuring to `measure`.
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
    measured: State | None = None
    scores: npt.NDArray[np.float16] | None = None
    may_defer: bool = False
    drawn_rows: IntArray = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class RoundOutput:
    """What a round publishes.

    queue: best first. probabilities: float16 [features.rows, K], of labelled rows out of fold, so that what is
    exported for a row was never trained on its own answer (NaN where no such prediction is there yet); None without a
    model. state: empty without a model. is_measured: whether the metrics hold the model's quality. strategy: the one
    that really ranked. pool_size: how many rows it could choose from.
    """

    queue: list[QueueEntry]
    probabilities: npt.NDArray[np.float16] | None
    state: State
    metrics: dict[str, Any]
    strategy: str
    seconds: dict[str, float]
    pool_size: int
    is_measured: bool


def run(given: RoundInput) -> RoundOutput:
    """One round. Raises what `given.step` raises, between steps."""
    rng = np.random.default_rng(given.seed)
    recipe = _complete(given)
    seconds: dict[str, float] = {}
    with _timed("merge", given, seconds):
        labelled = _merge(given)
    learner: Learner | None = None
    scores: FloatArray | None = None
    unknown: IntArray = np.empty(0, np.int64)
    quality: dict[str, Any] = dict.fromkeys(("accuracy", "macro_f1", "log_loss", "ece"))
    defers = given.may_defer and not measuring.is_cheap(len(labelled.rows), given.features.dimensions, _classes(given))
    if learnable(labelled.members):
        with _timed("fit", given, seconds):
            if defers:
                learner, scores = _fit(given, labelled, given.previous, rng)
                unknown = _keep_known(scores, labelled, given.scores)
            else:
                learner = plugins.make("learners", recipe["learner"], Learner)
                previous = given.measured or given.previous
                found = measuring.measure(
                    learner, given.task, given.features, labelled, given.audit_rows, rng, previous
                )
                scores, quality = found.scores, found.quality
    with _timed("choose", given, seconds):
        name, strategy = pick_strategy(recipe, is_cold(labelled.members), learner is not None)
        open_rows = np.setdiff1d(_encoded(given.open_rows, given), _encoded(given.busy_rows, given))
        queue = _choose(given, strategy, labelled, learner, scores, open_rows, rng)
    metrics = {**measuring.counts(given.task, labelled), **quality, "temperature": learner and learner.temperature}
    published = None if scores is None else scores.astype(np.float16)
    if published is not None:
        published[unknown] = np.nan  # a prediction that was trained on its own label is none
    state = learner.state() if learner else {}
    is_measured = not (defers and learner)
    return RoundOutput(queue, published, state, metrics, name, seconds, len(open_rows), is_measured)


@dataclass(frozen=True)
class MeasureOutput:
    """What measuring adds to a round that had put it off; see RoundOutput."""

    probabilities: npt.NDArray[np.float16]
    state: State
    metrics: dict[str, Any]


def measure(given: RoundInput) -> MeasureOutput | None:
    """Measure the model of the answers given, with its folds; None where there is none to measure."""
    given.step("measure")
    labelled = _merge(given)
    if not learnable(labelled.members):
        return None
    learner = plugins.make("learners", _complete(given)["learner"], Learner)
    rng = np.random.default_rng(given.seed)
    found = measuring.measure(learner, given.task, given.features, labelled, given.audit_rows, rng, given.measured)
    metrics = {**measuring.counts(given.task, labelled), **found.quality, "temperature": learner.temperature}
    return MeasureOutput(found.scores.astype(np.float16), learner.state(), metrics)


def _complete(given: RoundInput) -> dict[str, Any]:
    return DEFAULTS | {name: spec for name, spec in given.recipe.items() if name in DEFAULTS and spec}


def _classes(given: RoundInput) -> int:
    return len(given.task.classes)


def _merge(given: RoundInput) -> Labelled:
    aggregator = plugins.make("aggregation", _complete(given)["aggregation"], Aggregator)
    return merge(given.task, given.answers, given.features.rows, aggregator)


def _fit(
    given: RoundInput, labelled: Labelled, warm: State | None, rng: np.random.Generator
) -> tuple[Learner, FloatArray]:
    """A learner of these labels, whole and without folds, and its scores of the pool."""
    learner = plugins.make("learners", _complete(given)["learner"], Learner)
    weights = np.ones(len(labelled.rows), np.float32)
    features = given.features.take(labelled.rows)
    no_folds = np.zeros(len(labelled.rows), np.int64)
    learner.fit(features, labelled.targets, weights, given.task.exclusive, rng, no_folds, 0, None, warm)
    return learner, measuring.score(given.features, learner, _classes(given))


def _keep_known(scores: FloatArray, labelled: Labelled, known: npt.NDArray[np.floating[Any]] | None) -> IntArray:
    """Labelled rows keep what was known of them without their label; returns those of which nothing was."""
    if known is None or known.shape[1] != scores.shape[1]:
        return labelled.rows
    rows = labelled.rows[labelled.rows < len(known)]
    rows = rows[np.isfinite(known[rows]).all(axis=1)]
    scores[rows] = known[rows]
    return np.setdiff1d(labelled.rows, rows)


def _choose(
    given: RoundInput,
    strategy: Strategy,
    labelled: Labelled,
    learner: Learner | None,
    scores: FloatArray | None,
    open_rows: IntArray,
    rng: np.random.Generator,
) -> list[QueueEntry]:
    """The queue, ranked without the labels that were drawn, suggested with all: see `acquiring`."""
    known, doubts = labelled, scores
    if learner is not None and scores is not None and strategy.needs_model:
        known = acquiring(labelled, given.drawn_rows)
        if len(known.rows) < len(labelled.rows) and learnable(known.members):
            doubts = _fit(given, known, learner.state(), rng)[1]
            _keep_known(doubts, known, scores)
    held = np.union1d(known.rows, _encoded(given.busy_rows, given))
    queue = choose(strategy, given.task, given.features, doubts, open_rows, held, given.queue_size, rng)
    if scores is None or doubts is scores:
        return queue
    return [replace(entry, suggestion=_suggestion(given.task, scores[entry.row])) for entry in queue]


def _suggestion(task: Task, p: FloatArray) -> dict[str, Any]:
    return {"answer": task.decode(p), "confidence": task.confidence(p)}


@contextmanager
def _timed(name: str, given: RoundInput, seconds: dict[str, float]) -> Iterator[None]:
    given.step(name)
    start = perf_counter()
    yield
    seconds[name] = round(perf_counter() - start, 4)


def _encoded(rows: IntArray, given: RoundInput) -> IntArray:
    rows = np.asarray(rows, np.int64)
    return rows[rows < given.features.rows]
