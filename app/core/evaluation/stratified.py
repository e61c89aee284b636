"""Accuracy on the pool from a sample whose confidences are not the pool's: post-stratification."""

import numpy as np

from app.core.data import BoolArray, FloatArray
from app.core.evaluation.intervals import wilson

STRATUM = 15  # items of the sample in each stratum, at least, while there are fewer than five strata


def post_stratified(
    right: BoolArray, confidence: FloatArray, pool_confidence: FloatArray, level: float = 0.95
) -> tuple[float, float, float]:
    """Accuracy on the pool as (estimate, low, high), from right [n] and confidence [n] of a sample and the pool's [N].

    p̂ = Σ_s W_s p̂_s, var = Σ_s W_s² p̂_s (1 − p̂_s) / n_s, over strata s of confidence, W_s the pool's share in each.
    Holt & Smith, "Post stratification", JRSS A 1979. The interval is Wilson's for a sample of the size that has this
    variance, n* = p̂ (1 − p̂) / var, at most n: strata cut from the sample itself seem to gain more than they do.

    Why: a model without the label of an item that was drawn at random may be worse around it than the real one is
    around items nobody has labelled, where its label has kept the queue away; `labelled.acquiring` prevents most of
    that. Its confidence there is lower, too; the pool's confidence tells how seldom that is.
    """
    n = len(right)
    strata = max(1, min(5, n // STRATUM))
    edges = np.unique(np.quantile(confidence, np.linspace(0, 1, strata + 1)[1:-1]))
    place, pool_place = np.searchsorted(edges, confidence), np.searchsorted(edges, pool_confidence)
    size = np.bincount(place, minlength=len(edges) + 1)
    share = np.bincount(pool_place, minlength=len(edges) + 1) / len(pool_confidence)
    # A stratum borrows one item from the whole sample: none is empty, and none is certain of 0 or 1.
    mean = (np.bincount(place, weights=right, minlength=len(edges) + 1) + right.mean()) / (size + 1)
    estimate = float((share * mean).sum())
    variance = float((share**2 * mean * (1 - mean) / (size + 1)).sum())
    spread = estimate * (1 - estimate)
    like = min(n, spread / variance) if variance > 0 and spread > 0 else n
    low, high = wilson(estimate * like, like, level)
    return estimate, low, high
