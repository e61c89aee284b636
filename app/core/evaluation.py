"""Numbers that are shown: what each estimates, and with what interval.

Accuracy estimates the share of *all* items of the pool on which the model agrees with the merged answer. It is
measured on the audit set, a uniform sample of the pool (DESIGN: audit order), with predictions of fold models that
did not see the item's own answer, and then weighted by the pool's confidence; see `post_stratified`.
"""

from statistics import NormalDist

import numpy as np

from app.core.data import BoolArray, FloatArray, IntArray

STRATUM = 15  # items of the sample in each stratum, at least, while there are fewer than five strata


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share: (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n).

    p̂ = successes / n; z, the normal quantile of the level. Holds near 0 and 1 and for small n, where p̂ ±
    z·se fails. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, z2n = successes / n, z * z / n
    centre = (share + z2n / 2) / (1 + z2n)
    half = z * np.sqrt(share * (1 - share) / n + z2n / (4 * n)) / (1 + z2n)
    # At the ends the formula is exactly 0 or 1; rounding must not move it inside.
    low = 0.0 if successes == 0 else max(0.0, float(centre - half))
    high = 1.0 if successes == n else min(1.0, float(centre + half))
    return low, high


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


def accuracy(predicted: IntArray, truth: IntArray) -> float:
    """The share of items [n, units] whose units are all right."""
    return float((predicted == truth).all(axis=1).mean())


def macro_f1(predicted: BoolArray, truth: BoolArray) -> float:
    """Mean over classes of 2 tp / (2 tp + fp + fn), from memberships [n, K].

    A class that is neither predicted nor true says nothing and is left out, as no item could have shown it.
    """
    hits = (predicted & truth).sum(axis=0)
    total = predicted.sum(axis=0) + truth.sum(axis=0)
    return float((2 * hits[total > 0] / total[total > 0]).mean()) if (total > 0).any() else 0.0


def log_loss(probabilities: FloatArray, targets: FloatArray, exclusive: bool) -> float:
    """Mean over items of −Σ t log p; of several classes the mean over classes of −t log p − (1−t) log(1−p)."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    if exclusive:
        return float(-(targets * np.log(p)).sum(axis=1).mean())
    return float(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean())


def ece(confidence: FloatArray, correct: FloatArray, bins: int = 15) -> float:
    """Expected calibration error: Σ_b n_b/n · |accuracy_b − confidence_b| over bins of equal width.

    Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))
