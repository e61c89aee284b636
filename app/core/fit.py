"""Fitting a round's models: one that knows every label, one that chooses, and what both say of the pool."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from app.core import measure as measuring
from app.core.data import Features, FloatArray, IntArray
from app.core.findings import History
from app.core.labelled import Labelled, acquiring, learnable
from app.core.learners import Learner, State
from app.core.strategies.margin import uncertainty
from app.core.tasks import Task

Scores = npt.NDArray[np.float16]
NO_QUALITY: dict[str, Any] = dict.fromkeys(("accuracy", "macro_f1", "log_loss", "ece"))


@dataclass(frozen=True)
class Fitted:
    """The models of a round.

    learner: knows every label. scores [pieces, outputs]: its probabilities of the pool; a labelled row's is one that
    was made without its label, NaN where there is none yet. quality: what was measured. chooser: the model that ranks,
    without the newest labels that were drawn at random (see `acquiring`); of the rows in `known`. doubt [rows]: how
    much the chooser hesitates, over a row's units as the task's reducer says; None where nobody asks it.
    """

    learner: Learner
    scores: Scores
    quality: dict[str, Any]
    is_measured: bool
    chooser: Learner
    known: Labelled
    doubt: FloatArray | None
    checkpoint: tuple[int, IntArray] | None = None

    def doubts(self, features: FloatArray, pieces: IntArray) -> FloatArray:
        """The chooser's probabilities [n, outputs] of these; of those whose label it knows, without that label."""
        p = np.array(self.chooser.predict(features), np.float32)
        known = np.flatnonzero(np.isin(pieces, self.known.pieces))
        told = self.scores[pieces[known]]
        is_told = np.isfinite(told).all(axis=1)
        p[known[is_told]] = told[is_told]
        return p


@dataclass(frozen=True)
class Fitting:
    """What fitting needs: the data, how a learner is made, and from which states it may start; see RoundInput."""

    task: Task
    features: Features
    make: Callable[[], Learner]
    labelled: Labelled
    audit_rows: IntArray
    drawn_rows: IntArray
    previous: State | None
    measured: State | None
    known_scores: npt.NDArray[np.floating[Any]] | None
    history: History | None = None
    at_random: bool = False
    scoring: "Scoring | None" = None


@dataclass(frozen=True)
class Scorer:
    """What scores features: the learner, where its scores are wanted, and the chooser, where its doubt is."""

    task: Task
    learner: Learner
    chooser: Learner
    wants_scores: bool
    wants_doubt: bool

    def part(self, features: FloatArray) -> tuple[FloatArray | None, FloatArray | None]:
        """Probabilities [n, outputs] and doubt [n] of these features; None for what is not wanted."""
        p = self.learner.predict(features) if self.wants_scores or self.chooser is self.learner else None
        q = p if self.chooser is self.learner or not self.wants_doubt else self.chooser.predict(features)
        doubt = None if q is None or not self.wants_doubt else _doubt(self.task, q)
        return p if self.wants_scores else None, doubt


# Has the whole pool scored elsewhere, shard by shard: (float16 [pieces, outputs], float32 [pieces]), each where wanted.
Scoring = Callable[[Scorer], tuple[Scores | None, FloatArray | None]]


def fit(given: Fitting, measures: bool, needs_doubt: bool, rng: np.random.Generator) -> Fitted:
    """Fit, score the pool in one pass over the features, and measure where that is asked for."""
    quality, checkpoint = NO_QUALITY, None
    if measures:
        found = measuring.measure(
            given.make(),
            given.task,
            given.features,
            given.labelled,
            given.audit_rows,
            rng,
            given.measured or given.previous,
            given.history,
            given.make,
            given.at_random,
        )
        checkpoint = found.checkpoint
        learner, scores, quality = found.learner, found.scores.astype(np.float16), found.quality
    else:
        learner, scores = quick(given, given.labelled, given.previous, rng), None
    known = acquiring(given.labelled, given.drawn_rows) if needs_doubt else given.labelled
    if len(known.rows) < len(given.labelled.rows) and learnable(known.members):
        chooser = quick(given, known, learner.state(), rng)
    else:
        chooser, known = learner, given.labelled
    scores, doubt = _score(given, learner, chooser, scores, needs_doubt)
    if not measures:
        _keep_known(scores, given.labelled.pieces, given.known_scores)
    if doubt is not None:
        pieces = known.pieces[np.isfinite(scores[known.pieces]).all(axis=1)]
        doubt[pieces] = _doubt(given.task, scores[pieces].astype(np.float32))
        cuts = given.features.cuts
        doubt = cuts.means(doubt) if given.task.reducer == "mean" else cuts.highest(doubt)
    return Fitted(learner, scores, quality, measures, chooser, known, doubt, checkpoint)


def quick(given: Fitting, labelled: Labelled, warm: State | None, rng: np.random.Generator) -> Learner:
    """A learner of these labels, whole and without folds."""
    learner = given.make()
    n = len(labelled.pieces)
    features = given.features.take(labelled.pieces)
    weights, no_folds = np.ones(n, np.float32), np.zeros(n, np.int64)
    learner.fit(features, labelled.targets, weights, given.task.exclusive, rng, no_folds, 0, None, warm)
    return learner


def _score(
    given: Fitting, learner: Learner, chooser: Learner, scores: Scores | None, needs_doubt: bool
) -> tuple[Scores, FloatArray | None]:
    """The pool's scores, where there are none yet, and the chooser's doubt of each piece, block by block.

    float16: at a million rows of 77 classes that is 150 MB in place of 300, and it is what is published.
    """
    scorer = Scorer(given.task, learner, chooser, scores is None, needs_doubt)
    if not (scorer.wants_scores or scorer.wants_doubt):
        return cast(Scores, scores), None
    if given.scoring is not None:
        found, doubt = given.scoring(scorer)
        return cast(Scores, found if scores is None else scores), doubt
    found = np.empty((given.features.cuts.pieces, given.task.outputs), np.float16) if scores is None else scores
    doubt = np.empty(given.features.cuts.pieces, np.float32) if needs_doubt else None
    for start, block in given.features.shards():
        part = slice(start, start + len(block))
        p, q = scorer.part(block)
        if p is not None:
            found[part] = p
        if doubt is not None and q is not None:
            doubt[part] = q
    return found, doubt


def _doubt(task: Task, probabilities: FloatArray) -> FloatArray:
    units = uncertainty(task.per_unit(probabilities)).reshape(len(probabilities), task.units)
    return np.asarray(units.max(axis=1), np.float32)


def _keep_known(scores: Scores, labelled: IntArray, known: npt.NDArray[np.floating[Any]] | None) -> None:
    """Labelled pieces keep what was known of them without their label; NaN where nothing was.

    A prediction that was trained on its own label is none, and would make every number built on it too good.
    """
    rows: IntArray = np.empty(0, np.int64)
    if known is not None and known.shape[1] == scores.shape[1]:
        rows = labelled[labelled < len(known)]
        rows = rows[np.isfinite(known[rows]).all(axis=1)]
        scores[rows] = known[rows]
    scores[np.setdiff1d(labelled, rows)] = np.nan
