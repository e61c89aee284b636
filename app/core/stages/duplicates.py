"""The stage `duplicates`: what nearly equals a row that is asked or labelled already comes after everything else."""

import numpy as np

from app.core.data import BoolArray, FloatArray, IntArray
from app.core.stages import Reordered, behind

# Cosine from which on two items count as one, in features that know meaning: of 3,000 short questions to a bank under
# MiniLM all pairs above it are rewordings with the same answer, at 0.97 no longer; "invoice 03" and "invoice 04" have
# 0.98. Words in another order ("A paid B") may still pass.
THRESHOLD = 0.99
# In features that do not: hashed n-grams give "has diabetes" and "has no diabetes" 0.997, a table's rows resemble each
# other for having few columns. Only copies count.
COPIES = 0.9999
# Coordinates compared first: the rest of a row is bounded by its length, which rules out nearly all pairs.
SIEVE = 64
# Rows compared at a time: 512 × 5,000 float32 is 10 MB.
BLOCK = 512
# Single precision sums that should be equal differ by about so much.
ROUNDING = 1e-6


def asked_once(order: IntArray, features: FloatArray, held: FloatArray, threshold: float = THRESHOLD) -> Reordered:
    """The queue [n] with each row behind that is nearly equal to a held one, or to one before it that is not behind.

    features [n, d] of the rows in `order`; held [m, d] of what is labelled or in somebody's hands. x and y are nearly
    equal where ‖x − y‖² ≤ (1 − t) (‖x‖² + ‖y‖²): of unit vectors, where their cosine is at least t; zero vectors equal
    each other only. A row behind another one says nothing of a third, so that a chain of small steps is not one item.
    Cost O((n + m) n s), s = 64, and O(d) in place of s for the rows that have a neighbour. Raises ValueError where an
    array does not fit.
    """
    features, held = np.asarray(features, np.float32), np.asarray(held, np.float32)
    if len(features) != len(order) or (len(held) and held.shape[1] != features.shape[1]):
        raise ValueError(f"features {features.shape} of {len(order)} rows, and held {held.shape}")
    back = np.zeros(len(order), bool)
    if len(order) and len(held):
        suspects = _suspects(features, held, threshold)
        back[suspects] = _near(features[suspects], held, threshold).any(axis=1)
    left = np.flatnonzero(~back)
    suspects = left[_suspects(features[left], None, threshold)]
    near = _near(features[suspects], features[suspects], threshold)
    for i, row in enumerate(suspects):
        if not back[row]:
            back[suspects[i + 1 :][near[i, i + 1 :]]] = True
    return behind(np.asarray(order), back)


def _suspects(x: FloatArray, others: FloatArray | None, threshold: float) -> IntArray:
    """The rows of x that may be near one of the others, or without others to another row of x; never too few.

    By the coordinates that hold most of the length, and of the rest only its norm (Cauchy and Schwarz):
    x · y ≤ x₁ · y₁ + ‖x₂‖ ‖y₂‖, in one product of matrices with the two sides of 2 x · y ≥ t (‖x‖² + ‖y‖²).
    """
    if not len(x):
        return np.empty(0, np.int64)
    y = x if others is None else others
    kept = np.argsort(-np.square(x).sum(axis=0), kind="stable")[:SIEVE]
    (x_short, x_square), (y_short, y_square) = _shortened(x, kept), _shortened(y, kept)
    ones, half = np.ones((1, 1), np.float32), np.float32((threshold - 10 * ROUNDING) / 2)
    a = np.hstack([x_short, -half * x_square, ones.repeat(len(x), axis=0)])
    b = np.hstack([y_short, ones.repeat(len(y), axis=0), -half * y_square])
    found = np.empty(len(x), bool)
    for start in range(0, len(x), BLOCK):
        gap = a[start : start + BLOCK] @ b.T
        if others is None:
            gap[np.arange(len(gap)), np.arange(start, start + len(gap))] = -np.inf  # a row and itself
        found[start : start + BLOCK] = gap.max(axis=1) >= -ROUNDING * np.abs(y_square).max()
    return np.flatnonzero(found)


def _shortened(x: FloatArray, kept: IntArray) -> tuple[FloatArray, FloatArray]:
    """The kept coordinates and the norm of the others [n, s + 1], and the squared norm of all [n, 1]."""
    square = np.square(x).sum(axis=1, keepdims=True)
    short = x[:, kept]
    rest = np.sqrt(np.maximum(square - np.square(short).sum(axis=1, keepdims=True), 0))
    return np.hstack([short, rest]), square


def _near(x: FloatArray, y: FloatArray, threshold: float) -> BoolArray:
    """Which rows of x are nearly equal to which rows of y [a, b]."""
    half = (threshold - ROUNDING) / 2
    x_square, y_square = np.square(x).sum(axis=1), np.square(y).sum(axis=1)
    near = np.empty((len(x), len(y)), bool)
    for start in range(0, len(x), BLOCK):
        part = slice(start, start + BLOCK)
        near[part] = x[part] @ y.T >= half * (x_square[part, None] + y_square)
    return near
