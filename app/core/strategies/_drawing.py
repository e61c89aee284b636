"""Drawing rows in proportion to weights, with the exact probability of each draw."""

import numpy as np

from app.core.data import FloatArray, IntArray

# No weight is 0: what cannot be drawn, no estimate can ever speak of.
LEAST = 1e-9

# Weights summed together: of a million of them the sums are a thousand, and one draw reads few of the weights twice.
BLOCK = 1024


def one(weights: FloatArray, rng: np.random.Generator) -> tuple[int, float]:
    """A row drawn in proportion to weights [n], of which one at least is above 0, and its probability w_i / Σ_j w_j."""
    sums = np.cumsum(np.add.reduceat(weights, np.arange(0, len(weights), BLOCK), dtype=np.float64))
    target = rng.random() * sums[-1]
    block = _place(sums, target)
    inside = np.cumsum(weights[block * BLOCK : (block + 1) * BLOCK], dtype=np.float64)
    row = block * BLOCK + _place(inside, target - (sums[block - 1] if block else 0.0))
    return row, float(weights[row] / sums[-1])


def _place(sums: FloatArray, target: float) -> int:
    """The first place whose sum is above the target; rounding never leads past the last one with a weight."""
    last = int(np.searchsorted(sums, sums[-1], side="left"))
    return min(int(np.searchsorted(sums, target, side="right")), last)


def successively(log_weights: FloatArray, n: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray, FloatArray]:
    """n rows drawn one after another, each in proportion to its weight among those left: (rows, keys, propensities).

    The rows with the n highest keys log w_i + G_i, G_i from Gumbel(0, 1), are such draws (Yellott 1977; Vieira 2014).
    Keys fall. A propensity is w_i / Σ_j w_j over the rows j that were left at that draw.
    """
    n = min(n, len(log_weights))
    keys = log_weights + rng.gumbel(size=len(log_weights))
    rows = np.argpartition(-keys, n - 1)[:n] if 0 < n < len(keys) else np.arange(len(keys))[: max(n, 0)]
    rows = rows[np.argsort(-keys[rows], kind="stable")]
    undrawn = np.ones(len(keys), bool)
    undrawn[rows] = False
    # What was left at each draw, summed from the last one backwards: nothing is ever subtracted, nothing cancels.
    sums = np.logaddexp.accumulate(np.append(_log_sum(log_weights[undrawn]), log_weights[rows][::-1]))
    left = sums[:0:-1]
    return rows, keys[rows], np.minimum(np.exp(log_weights[rows] - left), 1)


def _log_sum(log_weights: FloatArray) -> float:
    if not len(log_weights):
        return -np.inf
    highest = log_weights.max()
    return float(highest + np.log(np.exp(log_weights - highest).sum()))
