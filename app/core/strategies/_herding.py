"""Greedy coverage: items that, chosen one after the other, leave the least weight of the pool unlike any of them."""

import heapq

import numpy as np

from app.core.data import FloatArray, IntArray
from app.core.strategies._distances import squared, squared_norms


def directions(*blocks: FloatArray) -> list[FloatArray]:
    """The blocks less the mean of the first, each row of unit length: what all items share says nothing of them."""
    mean = blocks[0].mean(axis=0)
    centred = [block - mean if len(block) else block for block in blocks]
    return [
        np.asarray(block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12), np.float32)
        for block in centred
    ]


def squared_distances(x: FloatArray, y: FloatArray) -> FloatArray:
    """‖x_i − y_j‖² [n, m] of the rows of x [n, d] and y [m, d]."""
    return squared(x, y, squared_norms(x), squared_norms(y))


def kernel(x: FloatArray, y: FloatArray, bandwidth: float) -> FloatArray:
    """k(x_i, y_j) = exp(−‖x_i − y_j‖² / σ²), float32 [n, m]."""
    return np.asarray(np.exp(squared_distances(x, y) / -(bandwidth**2)), np.float32)


def herd(kernel: FloatArray, cover: FloatArray, weights: FloatArray, chosen: int) -> tuple[IntArray, FloatArray]:
    """All rows of kernel [candidates, anchors], the first `chosen` of them greedily, and their gains.

    The gain of a candidate c is Σ_a w_a [k(c, a) − cover_a]₊ with cover [anchors] and weights [anchors]; choosing c
    raises the cover to k(c, ·) where that is higher. A gain only ever falls while the cover grows, so that the highest
    gain which is still true after a second look is the highest of all: most candidates are never looked at twice
    (Minoux 1978).
    """
    gains = _gains(kernel, cover, weights)
    heap = [(-gain, row) for row, gain in enumerate(gains.tolist())]
    heapq.heapify(heap)
    rows: list[int] = []
    while len(rows) < min(chosen, len(kernel)):
        stale, row = heap[0]
        gain = float(np.maximum(kernel[row] - cover, 0) @ weights)
        if -stale - gain > 1e-9:
            heapq.heapreplace(heap, (-gain, row))
            continue
        heapq.heappop(heap)
        gains[row] = gain
        rows.append(row)
        cover = np.maximum(cover, kernel[row])
    rest = np.setdiff1d(np.arange(len(kernel)), rows)
    gains[rest] = _gains(kernel[rest], cover, weights)
    rest = rest[np.argsort(-gains[rest], kind="stable")]
    ordered = np.concatenate([np.array(rows, np.int64), rest])
    return ordered, np.minimum.accumulate(gains[ordered].astype(np.float64))


def _gains(kernel: FloatArray, cover: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(kernel - cover, 0) @ weights)
