"""A round: merge answers, fit, score the pool, choose the queue. Pure: arrays in, arrays out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core import measure as measuring
from app.core import plugins
from app.core.aggregation import Aggregator
from app.core.data import Features, FloatArray, IntArray
from app.core.labelled import Labelled, merge
from app.core.learners import Learner, State
from app.core.selection import QueueEntry as QueueEntry
from app.core.selection import choose, is_cold, learnable, pick_strategy
from app.core.tasks import Task

DEFAULTS: dict[str, Any] = {
    "learner": {"name": "linear"},
    "strategy": {"name": "margin"},
    "cold_start": {"name": "typical"},
    "aggregation": {"name": "majority"},
}


@dataclass(frozen=True)
class RoundInput:
    """All that a round depends on; rows that are not encoded yet (≥ features.rows) are left out.

    recipe: the specs `learner`, `strategy`, `cold_start`, `aggregation`, each with a default.
    answers: (row, annotator, answer); one answer of a person to an item.
    open_rows: may be asked. busy_rows: in somebody's hands; not asked, but covered.
    audit_rows: the answered rows of the audit set, a uniform sample of the whole pool.
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


@dataclass(frozen=True)
class RoundOutput:
    """What a round publishes.

    queue: best first. probabilities: float16 [features.rows, K], of labelled rows out of fold, so that what
    is exported for a row was never trained on its own answer; None without a model. state: empty without a
    model. is_measured: whether the metrics hold the model's quality. strategy: the one that really ranked.
    pool_size: how many rows it could choose from.
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
    quality: dict[str, Any] = dict.fromkeys(("accuracy", "macro_f1", "log_loss", "ece"))
    defers = given.may_defer and not measuring.is_cheap(len(labelled.rows), given.features.dimensions, _classes(given))
    if learnable(labelled.members):
        learner = plugins.make("learners", recipe["learner"], Learner)
        with _timed("fit", given, seconds):
            if defers:
                scores = _fit(given, learner, labelled, rng)
            else:
                previous = given.measured or given.previous
                found = measuring.measure(
                    learner, given.task, given.features, labelled, given.audit_rows, rng, previous
                )
                scores, quality = found.scores, found.quality
    with _timed("choose", given, seconds):
        name, strategy = pick_strategy(recipe, is_cold(labelled.members), learner is not None)
        open_rows = _encoded(given.open_rows, given)
        held = np.union1d(labelled.rows, _encoded(given.busy_rows, given))
        open_rows = np.setdiff1d(open_rows, _encoded(given.busy_rows, given))
        queue = choose(strategy, given.task, given.features, scores, open_rows, held, given.queue_size, rng)
    metrics = {**measuring.counts(given.task, labelled), **quality, "temperature": learner and learner.temperature}
    published = None if scores is None else scores.astype(np.float16)
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


def _fit(given: RoundInput, learner: Learner, labelled: Labelled, rng: np.random.Generator) -> FloatArray:
    """Fit the whole model only and score the pool; labelled rows keep what was known of them without their label."""
    weights = np.ones(len(labelled.rows), np.float32)
    features = given.features.take(labelled.rows)
    no_folds = np.zeros(len(labelled.rows), np.int64)
    learner.fit(features, labelled.targets, weights, given.task.exclusive, rng, no_folds, 0, None, given.previous)
    scores = measuring.score(given.features, learner, _classes(given))
    if given.scores is not None and given.scores.shape[1] == scores.shape[1]:
        known = labelled.rows[labelled.rows < len(given.scores)]
        scores[known] = given.scores[known]
    return scores


@contextmanager
def _timed(name: str, given: RoundInput, seconds: dict[str, float]) -> Iterator[None]:
    given.step(name)
    start = perf_counter()
    yield
    seconds[name] = round(perf_counter() - start, 4)


def _encoded(rows: IntArray, given: RoundInput) -> IntArray:
    rows = np.asarray(rows, np.int64)
    return rows[rows < given.features.rows]
