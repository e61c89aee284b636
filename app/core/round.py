"""A round: merge answers, fit, score the pool, choose the queue. Pure: arrays in, arrays out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.core import measure as measuring
from app.core import plugins
from app.core.aggregation import Aggregator
from app.core.data import Features, IntArray
from app.core.exemplars import Exemplars, exemplars
from app.core.findings import History, judged_before
from app.core.fit import NO_QUALITY, Fitted, Fitting, Scoring, fit
from app.core.labelled import Labelled, is_cold, learnable, merge
from app.core.learners import Learner, State
from app.core.selection import TOGETHER, Asking, choose, pick_strategy
from app.core.selection import QueueEntry as QueueEntry
from app.core.stages.duplicates import COPIES
from app.core.staging import stages_of
from app.core.strategies import Situation, Strategy
from app.core.tasks import Task

DEFAULTS: dict[str, Any] = {
    "learner": {"name": "linear"},
    "strategy": {"name": "auto"},
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
    out of fold, or was made before its item was labelled. measuring: "now" measures in any case, "cheap" leaves
    expensive measuring to `measure`, "never" is for simulations.
    foreign_rows: the rows that somebody called out of scope. verdict: what the project's record says of asking by
    strategy; see Situation. similarity: the cosine of features from which on two items count as one. strategy: ranks
    in place of the recipe's, in simulations and benchmarks. history: how the labels came, for findings beside the
    quality; see app/core/findings.py. fresh_rows: of drawn_rows those whose label no round has seen.
    scoring: has a large pool scored by several workers; see app/core/fit.py.
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
    measuring: Literal["now", "cheap", "never"] = "now"
    drawn_rows: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    foreign_rows: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    verdict: str = ""
    similarity: float = COPIES
    history: History | None = None
    fresh_rows: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    strategy: Strategy | None = None
    scoring: Scoring | None = None


@dataclass(frozen=True)
class RoundOutput:
    """What a round publishes.

    queue: best first. probabilities: float16 [pieces, outputs], of labelled rows out of fold, so that what is
    exported for a row was never trained on its own answer (NaN where no such prediction is there yet); None without a
    model. state: empty without a model. is_measured: whether the metrics hold the model's quality. strategy: the one
    that really ranked. pool_size: how many rows it could choose from. exemplars: of each class; none in simulations.
    """

    queue: list[QueueEntry]
    probabilities: npt.NDArray[np.float16] | None
    state: State
    metrics: dict[str, Any]
    strategy: str
    seconds: dict[str, float]
    pool_size: int
    is_measured: bool
    checkpoint: tuple[int, IntArray] | None = None
    exemplars: list[Exemplars] = field(default_factory=list)


def run(given: RoundInput) -> RoundOutput:
    """One round. Raises what `given.step` raises, between steps."""
    rng = np.random.default_rng(given.seed)
    seconds: dict[str, float] = {}
    with _timed("merge", given, seconds):
        labelled = _merge(given)
        strategy = _strategy(given, labelled)
    fitted: Fitted | None = None
    if learnable(labelled.members):
        with _timed("fit", given, seconds):
            fitted = fit(_fitting(given, labelled), _measures(given, labelled), strategy.needs_model, rng)
    with _timed("choose", given, seconds):
        open_rows = np.setdiff1d(_encoded(given.open_rows, given), _encoded(given.busy_rows, given))
        queue = choose(strategy, _asking(given, labelled, fitted, open_rows), rng)
    shown = _exemplars(given, labelled, fitted, seconds)
    quality, temperature = (fitted.quality, fitted.learner.temperature) if fitted else (NO_QUALITY, None)
    metrics = {**measuring.counts(given.task, labelled), **quality, "temperature": temperature}
    metrics["prequential"] = judged_before(given.task, labelled, given.fresh_rows, given.scores)
    scores, state = (fitted.scores, fitted.learner.state()) if fitted else (None, {})
    is_measured = fitted is None or fitted.is_measured
    checkpoint = fitted.checkpoint if fitted else None
    pool_size = len(open_rows)
    return RoundOutput(queue, scores, state, metrics, strategy.name, seconds, pool_size, is_measured, checkpoint, shown)


@dataclass(frozen=True)
class MeasureOutput:
    """What measuring adds to a round that had put it off; see RoundOutput."""

    probabilities: npt.NDArray[np.float16]
    state: State
    metrics: dict[str, Any]
    checkpoint: tuple[int, IntArray] | None = None


def measure(given: RoundInput) -> MeasureOutput | None:
    """Measure the model of the answers given, with its folds; None where there is none to measure."""
    given.step("measure")
    labelled = _merge(given)
    if not learnable(labelled.members):
        return None
    learner = _learner(given)
    rng = np.random.default_rng(given.seed)
    found = measuring.measure(
        learner,
        given.task,
        given.features,
        labelled,
        given.audit_rows,
        rng,
        given.measured,
        given.history,
        lambda: _learner(given),
        _asks_at_random(given),
    )
    metrics = {**measuring.counts(given.task, labelled), **found.quality, "temperature": learner.temperature}
    return MeasureOutput(found.scores.astype(np.float16), learner.state(), metrics, found.checkpoint)


def _complete(given: RoundInput) -> dict[str, Any]:
    return DEFAULTS | {name: spec for name, spec in given.recipe.items() if name in DEFAULTS and spec}


def _learner(given: RoundInput) -> Learner:
    return plugins.make("learners", _complete(given)["learner"], Learner)


def _strategy(given: RoundInput, labelled: Labelled) -> Strategy:
    situation = Situation(
        labels=len(labelled.rows),
        classes=len(given.task.classes),
        has_model=learnable(labelled.members),
        is_cold=is_cold(labelled.members, len(labelled.rows), len(given.task.classes)),
        verdict=given.verdict,
    )
    return given.strategy.at(situation) if given.strategy else pick_strategy(_complete(given), situation)


def _asks_at_random(given: RoundInput) -> bool:
    recipe = _complete(given)
    return {recipe["strategy"]["name"], recipe["cold_start"]["name"]} == {"random"}


def _exemplars(
    given: RoundInput, labelled: Labelled, fitted: Fitted | None, seconds: dict[str, float]
) -> list[Exemplars]:
    if given.measuring == "never" or not len(labelled.rows):
        return []
    scores = fitted.scores if fitted else None
    asked = np.union1d(given.open_rows, given.busy_rows)
    # A coin of its own: what is shown must not change what the next draw of a round is.
    rng = np.random.default_rng(given.seed)
    with _timed("exemplars", given, seconds):
        return exemplars(given.task, labelled, given.features, scores, asked, given.similarity, rng)


def _measures(given: RoundInput, labelled: Labelled) -> bool:
    if given.measuring != "cheap":
        return given.measuring == "now"
    return measuring.is_cheap(_learner(given), len(labelled.pieces), given.features.dimensions, given.task.outputs)


def _merge(given: RoundInput) -> Labelled:
    aggregator = plugins.make("aggregation", _complete(given)["aggregation"], Aggregator)
    return merge(given.task, given.answers, given.features.cuts, aggregator)


def _fitting(given: RoundInput, labelled: Labelled) -> Fitting:
    return Fitting(
        task=given.task,
        features=given.features,
        make=lambda: _learner(given),
        labelled=labelled,
        audit_rows=given.audit_rows,
        drawn_rows=given.drawn_rows,
        previous=given.previous,
        measured=given.measured,
        known_scores=given.scores,
        history=given.history,
        at_random=_asks_at_random(given),
        scoring=given.scoring,
    )


def _asking(given: RoundInput, labelled: Labelled, fitted: Fitted | None, open_rows: IntArray) -> Asking:
    known = fitted.known if fitted else labelled
    return Asking(
        task=given.task,
        features=given.features,
        fitted=fitted,
        open_rows=open_rows,
        held_rows=np.union1d(known.rows, _encoded(given.busy_rows, given)),
        size=given.queue_size,
        stages=stages_of(
            given.recipe,
            given.similarity,
            _encoded(given.foreign_rows, given),
            labelled.rows,
            given.task.counts(labelled.members),
        ),
        together=max(TOGETHER, 2 * given.recipe.get("retrain_every", given.queue_size)),
    )


@contextmanager
def _timed(name: str, given: RoundInput, seconds: dict[str, float]) -> Iterator[None]:
    given.step(name)
    start = perf_counter()
    yield
    seconds[name] = round(perf_counter() - start, 4)


def _encoded(rows: IntArray, given: RoundInput) -> IntArray:
    rows = np.asarray(rows, np.int64)
    return rows[rows < given.features.rows]
