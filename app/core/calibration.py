"""Temperature scaling: one number that makes probabilities mean what they say."""

import numpy as np

from app.core.data import FloatArray

# With fewer rows the best temperature is mostly luck, and is drawn towards 1.
ENOUGH_ROWS = 50
COLDEST, HOTTEST = 0.05, 20.0


def temperature(logits: FloatArray, targets: FloatArray, exclusive: bool) -> float:
    """The T that minimises the log loss of logits / T on rows the model was not trained on.

    logits [n, K], −inf (exclusive) or NaN where the model knew nothing of the class; targets [n, K], soft.
    The loss is convex in β = 1/T; its slope Σ (p − t) z is brought to 0 by Newton steps inside a shrinking
    bracket. Under 50 rows log T is scaled by n / 50. Guo, Pleiss, Sun & Weinberger, "On calibration of modern
    neural networks", ICML 2017.
    """
    known = np.isfinite(logits)
    z = np.where(known, logits, 0).astype(np.float64)
    t = np.where(known, targets, 0).astype(np.float64)
    rows = known.any(axis=1) & (t.sum(axis=1) > 0) if exclusive else known.any(axis=1)
    if not rows.any():
        return 1.0
    low, high, beta = 1 / HOTTEST, 1 / COLDEST, 1.0
    for _ in range(40):
        slope, bend = _slope(beta, z[rows], t[rows], known[rows], exclusive)
        low, high = (beta, high) if slope < 0 else (low, beta)
        step = beta - slope / bend if bend > 0 else np.inf
        new = step if low < step < high else float(np.sqrt(low * high))
        if abs(np.log(new / beta)) < 1e-4:
            break
        beta = new
    return float(np.exp(-np.log(beta) * min(1.0, rows.sum() / ENOUGH_ROWS)))


def _slope(beta: float, z: FloatArray, t: FloatArray, known: FloatArray, exclusive: bool) -> tuple[float, float]:
    """First and second derivative of the log loss by β."""
    if not exclusive:
        p = np.where(known, 1 / (1 + np.exp(np.clip(-beta * z, -500, 500))), 0)
        return float(((p - t) * z).sum()), float((p * (1 - p) * z * z).sum())
    scaled = np.where(known, beta * z, -np.inf)
    p = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    mass = t.sum(axis=1)
    mean = (p * z).sum(axis=1)
    spread = (p * z * z).sum(axis=1) - mean**2
    return float((mass * mean).sum() - (t * z).sum()), float((mass * spread).sum())
