"""The error of the whole pool from items that were chosen with known probabilities: LURE."""

import numpy as np

from app.core.data import BoolArray, FloatArray
from app.core.evaluation.intervals import wilson


def weights(probabilities: FloatArray, pool: int) -> FloatArray:
    """v [M] of M picks without replacement from N = pool items: v_m = 1 + (N−M)/(N−m) · (1/((N−m+1) q_m) − 1).

    q_m: the probability with which the m-th item was picked, m = 1 … M, given those picked before it. 1 where M = N.
    Farquhar, Gal & Rainforth, "On statistical bias in active learning: how and when to fix it", ICLR 2021. Raises
    ValueError for a q outside (0, 1], without which nothing can be repaired, or for more picks than items.
    """
    q = np.asarray(probabilities, np.float64)
    picked = len(q)
    if picked > pool or not ((q > 0) & (q <= 1)).all():
        raise ValueError("every pick needs a probability above 0, and the pool must hold them all")
    if picked == pool:
        return np.ones(picked)
    m = np.arange(1, picked + 1)
    return np.asarray(1 + (pool - picked) / (pool - m) * (1 / ((pool - m + 1) * q) - 1))


def lure(losses: FloatArray, probabilities: FloatArray, pool: int) -> float:
    """(1/M) Σ v_m loss_m: without bias the mean loss of the pool, whatever preferred the items; see `weights`."""
    return float((weights(probabilities, pool) * losses).mean())


def weighted_share(
    right: BoolArray, probabilities: FloatArray, pool: int, known: BoolArray | None = None, level: float = 0.95
) -> tuple[float, float, float, float]:
    """(share of the pool that is right, low, high, effective n) by the same weights, divided by their sum.

    p̂ = Σ v_m right_m / Σ v_m. The mean weight is 1 but for chance, and dividing by it takes that chance out; what is
    left of bias is of the order 1/n. known [M] marks the picks that were answered; the others keep their place in the
    numbering, and the share speaks of the items that people can answer. The interval is Wilson's for a sample of
    Kish's size n = (Σ v)² / Σ v²: a delta interval is empty as long as the few picks with large weights are all right.
    """
    v = weights(probabilities, pool)
    if known is not None:
        v, right = v[known], right[known]
    total = float(v.sum())
    if total <= 0:
        return 0.0, 0.0, 1.0, 0.0
    share = float((v * right).sum()) / total
    effective = total**2 / float((v * v).sum())
    low, high = wilson(min(share, 1.0) * effective, effective, level)
    return share, low, high, effective
