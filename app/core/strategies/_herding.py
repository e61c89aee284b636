"""Greedy coverage: items that, chosen one after the other, leave the least weight of the pool unlike any of them."""

import heapq

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray, IntArray
from app.core.strategies._distances import blocks, squared_norms

# Below this exponents are cut off: e⁻⁸⁰ is 0 to any sum here, and what float32 holds below it costs a hundred times.
LEAST = -80.0
# Gains of all candidates together are summed in another order than of one by itself: bounds lie so much above.
ROUNDING = 1e-6
# Numbers looked at together: about as many as a core's own cache holds.
BLOCK = 1 << 18


def directions(x: FloatArray, mean: FloatArray) -> npt.NDArray[np.float32]:
    """The rows of x less the mean, each of unit length: what all items share says nothing of them."""
    if not len(x):
        return np.asarray(x, np.float32)
    centred = np.subtract(x, mean, dtype=np.float32)
    centred /= np.maximum(np.sqrt(squared_norms(centred)), 1e-12)[:, None]
    return centred


def kernel(x: FloatArray, y: FloatArray, bandwidth: float, reach: FloatArray | None = None) -> FloatArray:
    """r_i k(x_i, y_j) = r_i exp(−‖x_i − y_j‖² / σ²), float32 [n, m]; r = 1 without a reach [n].

    Its exponent is (2 x·y − ‖y‖²) / σ² + log r − ‖x‖² / σ²: one product, and what follows while a part is at hand.
    """
    narrow = np.float32(1 / bandwidth**2)
    found = (x * (2 * narrow)) @ y.T
    of_x = np.asarray((0 if reach is None else np.log(reach)) - squared_norms(x) * narrow, np.float32)[:, None]
    of_y = squared_norms(y) * narrow
    may_vanish = 2 * (of_x.min(initial=0) - of_y.max(initial=0)) < LEAST
    for part in _parts(found):
        block = found[part]
        block -= of_y
        block += of_x[part]
        if may_vanish:
            np.maximum(block, LEAST, out=block)
        np.exp(block, out=block)
    return found


def nearest(x: FloatArray, y: FloatArray) -> npt.NDArray[np.float32]:
    """‖x_i − y_j‖² to the nearest row of y [n]; endless where there is none."""
    half = squared_norms(y)[:, None] / 2
    highest = np.full(len(x), -np.inf, np.float32)
    for part in blocks(len(y), len(x)):
        products = y[part] @ x.T
        products -= half[part]
        np.maximum(products.max(axis=0), highest, out=highest)
    return np.asarray(np.maximum(squared_norms(x) - 2 * highest, 0), np.float32)


def covered(x: FloatArray, held: FloatArray, bandwidth: float) -> npt.NDArray[np.float32]:
    """max_j k(x_i, held_j) [n]; 0 where nothing is held."""
    if not len(held):
        return np.zeros(len(x), np.float32)
    return np.asarray(np.exp(np.maximum(nearest(x, held) / -(bandwidth**2), LEAST)), np.float32)


def herd(
    kernel: FloatArray, cover: FloatArray, weights: FloatArray, chosen: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """`chosen` rows of kernel [candidates, anchors], greedily, their gains, which fall, and the cover that they leave.

    The gain of a candidate c is Σ_a w_a [k(c, a) − cover_a]₊ with cover [anchors] and weights [anchors]; choosing c
    raises the cover to k(c, ·) where that is higher. A gain only ever falls while the cover grows, so that the highest
    gain which is still true after a second look is the highest of all: most candidates are never looked at twice
    (Minoux 1978).
    """
    cover, beyond = np.array(cover, np.float32), np.empty(kernel.shape[1], np.float32)
    heap = [(-gain, row) for row, gain in enumerate((gains_of(kernel, cover, weights) + ROUNDING).tolist())]
    heapq.heapify(heap)
    rows: list[int] = []
    gains: list[float] = []
    seen = -1  # the row whose gain is known at this cover
    while len(rows) < min(chosen, len(kernel)):
        row = heap[0][1]
        if row != seen:
            np.subtract(kernel[row], cover, out=beyond)
            gain = float(np.maximum(beyond, 0, out=beyond) @ weights)
            heapq.heapreplace(heap, (-gain, row))
            seen = row
            continue
        gains.append(-heapq.heappop(heap)[0])
        rows.append(row)
        np.maximum(cover, kernel[row], out=cover)
        seen = -1
    return np.array(rows, np.int64), np.minimum.accumulate(np.array(gains)), cover


def gains_of(kernel: FloatArray, cover: FloatArray, weights: FloatArray) -> npt.NDArray[np.float32]:
    """The gain of each row of kernel [candidates, anchors] at this cover [candidates]."""
    gains = np.empty(len(kernel), np.float32)
    for part in _parts(kernel):
        beyond = kernel[part] - cover
        np.matmul(np.maximum(beyond, 0, out=beyond), weights, out=gains[part])
    return gains


def _parts(kernel: FloatArray) -> list[slice]:
    step = max(1, BLOCK // max(kernel.shape[1], 1))
    return [slice(start, start + step) for start in range(0, len(kernel), step)]
