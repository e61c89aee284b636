"""What a measured round finds beside its model's quality: intervals, LURE, stability, and the record's verdict."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.core.data import BoolArray, Features, FloatArray, IntArray
from app.core.evaluation.bootstrap import log_loss_interval
from app.core.evaluation.calibration import calibration_error
from app.core.evaluation.lure import weighted_share
from app.core.evaluation.stopping import kappa, stop_rows
from app.core.labelled import Labelled
from app.core.learners import Learner
from app.core.record import verdict
from app.core.tasks import Task

# Models are compared once the labels have grown by so much: of two that share all but a few labels nothing else could
# be expected than that they agree.
GROWTH, AT_LEAST = 1.1, 10


@dataclass(frozen=True)
class History:
    """What a project remembers of how it came to its labels.

    drawn_rows, queued_rows: answered rows asked at random and by the queue, oldest first. picked_rows, picked_with:
    every item that was chosen, in order, and the exact probability of that choice; None where one is not known.
    checkpoint: (labels, predictions of the fixed rows that models are compared on) of an earlier model. verdict: what
    the record said the last time.
    """

    drawn_rows: IntArray
    queued_rows: IntArray
    picked_rows: IntArray
    picked_with: FloatArray | None
    checkpoint: tuple[int, IntArray] | None
    verdict: dict[str, Any] | None = None


def findings(
    task: Task,
    features: Features,
    labelled: Labelled,
    scores: FloatArray,
    audit: BoolArray,
    history: History,
    make: Callable[[], Learner],
    rng: np.random.Generator,
) -> tuple[dict[str, Any], tuple[int, IntArray] | None]:
    """The findings as plain JSON, and a new checkpoint where the labels have grown enough since the last.

    scores [pieces, outputs]: of labelled rows out of fold. audit [n]: which labelled rows are a uniform sample of the
    pool.
    """
    stability, checkpoint = _stability(scores, len(labelled.rows), history.checkpoint)
    return {
        "intervals": _intervals(task, labelled, scores, audit, rng),
        "lure": _lure(task, labelled, scores, history, features.rows),
        "stability": stability,
        "verdict": _record(task, features, labelled, history, make, rng),
    }, checkpoint


def _record(
    task: Task,
    features: Features,
    labelled: Labelled,
    history: History,
    make: Callable[[], Learner],
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    """The verdict; the last one again until the random rows have grown enough.

    It takes eleven fits, which a round that measures on its way cannot afford each time; and looked at after every
    label, chance alone would make it say something before long.
    """
    before = history.verdict
    if before and len(history.drawn_rows) < GROWTH * before["n"]:
        return before
    found = verdict(task, features, labelled, history.drawn_rows, history.queued_rows, make, rng)
    return asdict(found) if found else before


def _intervals(
    task: Task, labelled: Labelled, scores: FloatArray, audit: BoolArray, rng: np.random.Generator
) -> dict[str, Any] | None:
    if audit.sum() < 2:
        return None
    asked = labelled.some(audit)
    p = scores[asked.pieces]
    predicted = task.members(p, asked.cuts)
    right = asked.cuts.all((predicted == asked.members).all(axis=1))
    estimate, low, high = calibration_error(task.confidences(p, asked.cuts), right, rng)
    # The words of one text are no independent draws, and their interval would be too narrow.
    loss = log_loss_interval(p, asked.targets, task.exclusive, rng) if asked.cuts.is_whole else None
    return {
        "macro_f1": task.macro_f1_interval(predicted, asked.members, asked.cuts, rng),
        "log_loss": loss,
        "calibration": {"estimate": estimate, "low": low, "high": high},
    }


def _lure(
    task: Task, labelled: Labelled, scores: FloatArray, history: History, pool: int
) -> dict[str, float | int] | None:
    """Accuracy by the exact probabilities of every choice; None where one is missing, or items came after choices."""
    q, rows = history.picked_with, history.picked_rows
    if q is None or not len(rows) or len(rows) > pool:
        return None
    right_of = dict(zip(labelled.rows.tolist(), labelled.right(task, scores[labelled.pieces]).tolist(), strict=True))
    known = np.array([row in right_of for row in rows.tolist()])
    right = np.array([right_of.get(row, False) for row in rows.tolist()])
    if not known.any():
        return None
    share, low, high, effective = weighted_share(right, q, pool, known)
    return {"estimate": share, "low": low, "high": high, "n": int(known.sum()), "effective": effective}


def _stability(
    scores: FloatArray, labels: int, before: tuple[int, IntArray] | None
) -> tuple[dict[str, Any] | None, tuple[int, IntArray] | None]:
    predicted = _outcomes(scores[stop_rows(len(scores))])
    if before is None or len(before[1]) != len(predicted):
        return None, (labels, predicted)
    if labels < max(GROWTH * before[0], before[0] + AT_LEAST):
        return None, None
    changed = float((predicted != before[1]).mean())
    found = {"kappa": kappa(predicted, before[1]), "changed": changed, "since": before[0]}
    return found, (labels, predicted)


def _outcomes(p: FloatArray) -> IntArray:
    """The most probable class of each row [n, K]; for several classes it stands for the answer well enough."""
    return np.asarray(np.nan_to_num(p).argmax(axis=1), np.int64)


def judged_before(
    task: Task, labelled: Labelled, fresh_rows: IntArray, scores: FloatArray | None
) -> dict[str, int] | None:
    """How many labels drawn at random since the last round its model had right: {"n", "right"}; None without any."""
    if scores is None or scores.shape[1] != labelled.members.shape[1]:
        return None
    there = labelled.pieces < len(scores)
    known = np.zeros(len(there), bool)
    known[there] = np.isfinite(scores[labelled.pieces[there]]).all(axis=1)
    asked = labelled.some(np.isin(labelled.rows, fresh_rows) & labelled.cuts.all(known))
    if not len(asked.rows):
        return None
    right = asked.right(task, np.asarray(scores[asked.pieces], np.float32))
    return {"n": len(right), "right": int(right.sum())}
