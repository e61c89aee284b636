"""Measuring a model: out-of-fold predictions of the labelled rows, and what they say of the pool.

Fold models cost many times what the one that chooses the queue costs, and nobody waits for them: a round measures
at once while that is cheap, and later on leaves it to a job of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core import evaluation
from app.core.cuts import Cuts
from app.core.data import Features, FloatArray, IntArray
from app.core.findings import History, findings
from app.core.labelled import Labelled
from app.core.learners import Learner, State, fold_of
from app.core.tasks import Task

FOLDS = (20, 10, 5)
# Floating-point operations of a fit with its folds that are worth more folds: about two seconds of one core.
WORTH = 1e11
# Floating-point operations of a fit with its folds that nobody notices: about a tenth of a second on one core.
CHEAP = 6e9


@dataclass(frozen=True)
class Measured:
    """A fitted learner, the scores [rows, K] of the pool (labelled rows out of fold), and its quality."""

    learner: Learner
    scores: FloatArray
    quality: dict[str, Any]
    checkpoint: tuple[int, IntArray] | None = None


def n_folds(learner: Learner, rows: int, dimensions: int, classes: int) -> int:
    """More folds where they are cheap, so that the models which are measured have seen nearly all labels.

    With few labels a class the last fifth of them still brings points that 5 folds would not show.
    """
    return next((folds for folds in FOLDS if learner.cost(rows, dimensions, classes, folds) <= WORTH), FOLDS[-1])


def is_cheap(learner: Learner, rows: int, dimensions: int, classes: int) -> bool:
    """Whether a round may measure on its way."""
    return learner.cost(rows, dimensions, classes, n_folds(learner, rows, dimensions, classes)) <= CHEAP


def measure(
    learner: Learner,
    task: Task,
    features: Features,
    labelled: Labelled,
    audit_rows: IntArray,
    rng: np.random.Generator,
    previous: State | None,
    history: History | None = None,
    make: Callable[[], Learner] | None = None,
    at_random: bool = False,
) -> Measured:
    """Fit with folds, score the whole pool, and measure on the audit rows, a uniform sample of it; with a history,
    and a maker of learners like this one, its findings, too. at_random: no strategy chose any row, so that all of them
    calibrate as the audit rows do.
    """
    n, classes = labelled.targets.shape
    folds = n_folds(learner, n, features.dimensions, classes)
    uniform = np.isin(labelled.rows, audit_rows)
    learner.fit(
        features.take(labelled.pieces),
        labelled.targets,
        np.ones(n, np.float32),
        task.exclusive,
        rng,
        labelled.of_pieces(fold_of(labelled.rows, folds)),  # all words of a text in one fold: one tells of the others
        folds,
        None if at_random else labelled.of_pieces(uniform),
        previous,
    )
    scores = score(features, learner, labelled.targets.shape[1])
    scores[labelled.pieces] = learner.out_of_fold()
    told = quality(task, scores, labelled, uniform, features.cuts)
    if history is None or make is None:
        return Measured(learner, scores, told)
    found, checkpoint = findings(task, features, labelled, scores, uniform, history, make, rng)
    return Measured(learner, scores, {**told, **found}, checkpoint)


def score(features: Features, learner: Learner, classes: int) -> FloatArray:
    """Probabilities [pieces, outputs], float32, of the whole pool, shard by shard."""
    scores = np.empty((features.cuts.pieces, classes), np.float32)
    for start, block in features.shards():
        scores[start : start + len(block)] = learner.predict(block)
    return scores


def quality(task: Task, scores: FloatArray, labelled: Labelled, audit: Any, cuts: Cuts) -> dict[str, Any]:
    """Quality on the audit rows, of out-of-fold predictions; None where nothing can be said. cuts: of all items.

    An item that is cut is right if all of its answer is.
    """
    if not audit.any():
        return dict.fromkeys(("accuracy", "macro_f1", "log_loss", "ece"))
    asked = labelled.some(audit)
    p = scores[asked.pieces]
    predicted = task.members(p, asked.cuts)
    right: Any = asked.cuts.all((predicted == asked.members).all(axis=1))
    confidence = task.confidences(p, asked.cuts)
    estimate, low, high = evaluation.post_stratified(right, confidence, task.confidences(scores, cuts))
    share = float(right.mean())
    return {
        "accuracy": {"estimate": estimate, "low": low, "high": high, "n": len(right), "share": share},
        **task.measures(predicted, asked.members, asked.cuts),
        "log_loss": evaluation.log_loss(p, asked.targets, task.exclusive),
        "ece": evaluation.ece(confidence, right),
    }


def counts(task: Task, labelled: Labelled) -> dict[str, Any]:
    """What is known without a model: how many labels, of which classes."""
    found = task.counts(labelled.members).tolist()
    return {
        "labelled": len(labelled.rows),
        "classes": dict(zip(task.classes, found, strict=True)),
        "unseen_classes": [name for name, n in zip(task.classes, found, strict=True) if not n],
        "answers_left_out": labelled.misfits,
    }
