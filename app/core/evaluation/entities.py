"""Entity-level F1: a span counts where begin, end and class are right together."""

from typing import Any

import numpy as np

from app.core.data import FloatArray, IntArray
from app.core.evaluation.bootstrap import FEW, bca, f1_of, resamples

# Class, and where in all pieces it begins and ends: what must be the same for a span to be right.
Entities = set[tuple[int, int, int]]


def tallies(predicted: Entities, truth: Entities, owner: IntArray, rows: int, classes: int) -> IntArray:
    """How many spans of each class are right, predicted and true in each item: [3, n, K]."""
    found = np.zeros((3, rows, classes), np.int64)
    for kind, spans in enumerate((predicted & truth, predicted, truth)):
        for k, first, _ in spans:
            found[kind, owner[first], k] += 1
    return found


def micro_f1(counts: IntArray, rng: np.random.Generator) -> dict[str, Any]:
    """{"estimate", "low", "high", "precision", "recall", "n"} over all classes, from `tallies`; n is the true spans.

    Items are drawn anew for the BCa interval, for spans of one text are no independent draws; without a span, true or
    predicted, nothing is known and all but n is None.
    """
    hits, predicted, true = (one.sum(axis=1).astype(np.float64) for one in counts)
    n = int(true.sum())
    if not predicted.sum() + n:
        return {**dict.fromkeys(("estimate", "low", "high", "precision", "recall")), "n": 0}
    total = predicted + true
    estimate = float(f1_of(hits.sum(keepdims=True), total.sum(keepdims=True)))
    low, high = _interval(hits[:, None], total[:, None], estimate, rng) if n else (None, None)
    return {
        "estimate": estimate,
        "low": low,
        "high": high,
        "precision": float(hits.sum() / predicted.sum()) if predicted.sum() else 0.0,
        "recall": float(hits.sum() / n) if n else 0.0,
        "n": n,
    }


def macro_f1(counts: IntArray) -> float:
    """The mean over the classes that occur, predicted or true, of each one's F1."""
    hits, predicted, true = (one.sum(axis=0).astype(np.float64) for one in counts)
    return float(f1_of(hits, predicted + true))


def macro_f1_interval(counts: IntArray, rng: np.random.Generator) -> tuple[float, float] | None:
    """Its BCa interval over items; None where more than half of the classes have few true spans."""
    hits, predicted, true = counts.astype(np.float64)
    if len(hits) < 2 or 2 * (true.sum(axis=0) < FEW).sum() > true.shape[1]:
        return None
    return _interval(hits, predicted + true, macro_f1(counts), rng)


def _interval(hits: FloatArray, total: FloatArray, estimate: float, rng: np.random.Generator) -> tuple[float, float]:
    """Of F1 from right spans and predicted plus true ones [n, K], items drawn with replacement."""
    drawn = np.concatenate([f1_of(w @ hits, w @ total) for w in resamples(len(hits), rng)])
    return bca(estimate, drawn, f1_of(hits.sum(axis=0) - hits, total.sum(axis=0) - total))
