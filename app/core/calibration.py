"""Temperature scaling: one number that makes probabilities mean what they say."""

import numpy as np

from app.core.data import BoolArray, FloatArray

COLDEST, HOTTEST = 0.05, 20.0
# What temperatures are before anything is known: log T ~ N(log 0.75, 0.4²), as of regularised models on few labels.
USUAL, SPREAD = 0.75, 0.4
# Rows that a strategy chose are wrong more often than other rows of the same confidence: log of their own temperature
# less log T ~ N(0.15, 0.15²), as measured over data sets and strategies; see docs/decisions/0014.
HARDER, HARDER_SPREAD = 0.15, 0.15
Normal = tuple[float, float]  # mean and spread of log T


def temperature(logits: FloatArray, targets: FloatArray, exclusive: bool, uniform: BoolArray | None = None) -> float:
    """The most probable T given rows that the model was not trained on: it minimises Σ log loss of logits / T,
    plus (log T − log 0.75)² / (2 · 0.4²), without which a few rows that are all right would make it all but certain.

    logits [n, K], −inf (exclusive) or NaN where the model knew nothing of the class; targets [n, K], soft. uniform [n]:
    which rows are a uniform sample of the pool; None: all. The others have a temperature of their own, b = log T' with
    the error 1 / √I that their loss' curvature I tells, and say of T that log T ~ N(b − 0.15, 1 / I + 0.15²): no match
    for 200 uniform rows, and much beside 30.
    Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    known = np.isfinite(logits)
    z = np.where(known, logits, 0).astype(np.float64)
    t = np.where(known, targets, 0).astype(np.float64)
    rows = known.any(axis=1) & (t.sum(axis=1) > 0) if exclusive else known.any(axis=1)
    if not rows.any():
        return 1.0
    drawn = rows if uniform is None else rows & uniform
    prior = np.log(USUAL), SPREAD
    if (chosen := rows & ~drawn).any():
        own, information = _most_probable(z[chosen], t[chosen], known[chosen], exclusive, (0.0, np.inf))
        told = np.log(own) - HARDER, np.sqrt(1 / max(information, 1e-9) + HARDER_SPREAD**2)
        prior = _together(prior, told)
    return _most_probable(z[drawn], t[drawn], known[drawn], exclusive, prior)[0]


def _together(one: Normal, other: Normal) -> Normal:
    """The product of two normal densities."""
    sure = 1 / one[1] ** 2, 1 / other[1] ** 2
    return (one[0] * sure[0] + other[0] * sure[1]) / sum(sure), 1 / np.sqrt(sum(sure))


def _most_probable(
    z: FloatArray, t: FloatArray, known: BoolArray, exclusive: bool, prior: Normal
) -> tuple[float, float]:
    """T, and the curvature of the loss by log T there. The derivative by β = 1/T, Σ (p − t) z for the loss, is brought
    to 0 by Newton steps inside a shrinking bracket.
    """
    low, high, beta = 1 / HOTTEST, 1 / COLDEST, 1.0
    bend = 0.0
    for _ in range(40):
        slope, bend = _slope(beta, z, t, known, exclusive)
        away = (np.log(beta) + prior[0]) / prior[1] ** 2
        steep, curved = slope + away / beta, bend + (1 / prior[1] ** 2 - away) / beta**2
        low, high = (beta, high) if steep < 0 else (low, beta)
        step = beta - steep / curved if curved > 0 else np.inf
        new = step if low < step < high else float(np.sqrt(low * high))
        if abs(np.log(new / beta)) < 1e-4:
            break
        beta = new
    return float(1 / beta), beta**2 * bend


def _slope(beta: float, z: FloatArray, t: FloatArray, known: BoolArray, exclusive: bool) -> tuple[float, float]:
    """First and second derivative of the log loss by β."""
    if not exclusive:
        p = np.where(known, 1 / (1 + np.exp(np.clip(-beta * z, -500, 500))), 0)
        return float(((p - t) * z).sum()), float((p * (1 - p) * z * z).sum())
    if not len(z):
        return 0.0, 0.0
    scaled = np.where(known, beta * z, -np.inf)
    p = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    mass = t.sum(axis=1)
    mean = (p * z).sum(axis=1)
    spread = (p * z * z).sum(axis=1) - mean**2
    return float(mass @ mean - (t * z).sum()), float(mass @ spread)
