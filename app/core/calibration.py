"""Temperature scaling: one number that makes probabilities mean what they say."""

import numpy as np

from app.core.data import BoolArray, FloatArray

COLDEST, HOTTEST = 0.05, 20.0
# What temperatures are before anything is known: log T ~ N(log 0.75, 0.4²), as of regularised models on few labels.
USUAL, SPREAD = 0.75, 0.4
# Rows that are no uniform sample of the pool count for so many together: they steady a temperature that 50 uniform rows
# leave uncertain by a third, and are no match for 500.
OTHERS = 50.0


def temperature(logits: FloatArray, targets: FloatArray, exclusive: bool, weights: FloatArray | None = None) -> float:
    """The most probable T given rows that the model was not trained on: it minimises Σ w · log loss of logits / T,
    plus (log T − log 0.75)² / (2 · 0.4²), without which a few rows that are all right would make it all but certain.

    logits [n, K], −inf (exclusive) or NaN where the model knew nothing of the class; targets [n, K], soft; weights [n].
    The derivative by β = 1/T, Σ w (p − t) z for the loss, is brought to 0 by Newton steps inside a shrinking bracket.
    Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    known = np.isfinite(logits)
    z = np.where(known, logits, 0).astype(np.float64)
    t = np.where(known, targets, 0).astype(np.float64)
    rows = known.any(axis=1) & (t.sum(axis=1) > 0) if exclusive else known.any(axis=1)
    if not rows.any():
        return 1.0
    w = np.ones(int(rows.sum())) if weights is None else np.asarray(weights, np.float64)[rows]
    low, high, beta = 1 / HOTTEST, 1 / COLDEST, 1.0
    for _ in range(40):
        slope, bend = _slope(beta, z[rows], t[rows], known[rows], exclusive, w)
        away = np.log(beta * USUAL) / SPREAD**2
        slope, bend = slope + away / beta, bend + (1 / SPREAD**2 - away) / beta**2
        low, high = (beta, high) if slope < 0 else (low, beta)
        step = beta - slope / bend if bend > 0 else np.inf
        new = step if low < step < high else float(np.sqrt(low * high))
        if abs(np.log(new / beta)) < 1e-4:
            break
        beta = new
    return float(1 / beta)


def trust(uniform: BoolArray) -> FloatArray:
    """What each row [n] weighs in the temperature: 1 if of a uniform sample of the pool; the others together OTHERS.

    Rows that a strategy chose are harder than the pool is, and would make every probability too modest.
    """
    chosen = ~np.asarray(uniform, bool)
    return np.where(chosen, min(1.0, OTHERS / max(1, int(chosen.sum()))), 1.0)


def _slope(
    beta: float, z: FloatArray, t: FloatArray, known: BoolArray, exclusive: bool, w: FloatArray
) -> tuple[float, float]:
    """First and second derivative of the weighted log loss by β."""
    if not exclusive:
        p = np.where(known, 1 / (1 + np.exp(np.clip(-beta * z, -500, 500))), 0)
        return float(w @ ((p - t) * z).sum(axis=1)), float(w @ (p * (1 - p) * z * z).sum(axis=1))
    scaled = np.where(known, beta * z, -np.inf)
    p = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    mass = w * t.sum(axis=1)
    mean = (p * z).sum(axis=1)
    spread = (p * z * z).sum(axis=1) - mean**2
    return float(mass @ mean - w @ (t * z).sum(axis=1)), float(mass @ spread)
