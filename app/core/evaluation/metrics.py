"""What is measured of a model's predictions: accuracy, macro-F1, log loss, calibration."""

import numpy as np

from app.core.data import BoolArray, FloatArray, IntArray


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
    return float(item_losses(probabilities, targets, exclusive).mean())


def item_losses(probabilities: FloatArray, targets: FloatArray, exclusive: bool) -> FloatArray:
    """The log loss of each item [n]; see `log_loss`."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    if exclusive:
        return np.asarray(-(targets * np.log(p)).sum(axis=1))
    return np.asarray(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean(axis=1))


def ece(confidence: FloatArray, correct: FloatArray, bins: int = 15) -> float:
    """Expected calibration error: Σ_b n_b/n · |accuracy_b − confidence_b| over bins of equal width.

    Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))
