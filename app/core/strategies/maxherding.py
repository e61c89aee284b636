"""The strategy `maxherding`: a cold start that needs no labels, typical and diverse items first."""

import heapq
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, IntArray, Pool
from app.core.strategies import Ranking, Strategy


@dataclass(frozen=True)
class Maxherding(Strategy):
    """Items that are typical of what no labelled item resembles yet.

    MaxHerding: greedily add the item c with the highest gain Σ_a [k(a, c) − cover(a)]₊ / A, where the cover
    of an anchor a is its kernel with the nearest item that is labelled, held or chosen before; k(x, y) =
    exp(−‖x − y‖² / σ²) on centred features of unit length. The anchors stand for the pool. Bae, Noh &
    Sutherland, "Generalized coverage for more robust low-budget active learning", ECCV 2024.
    """

    needs_model: ClassVar[bool] = False

    bandwidth: float = field(default=1.0, metadata={"help": "σ of the kernel: smaller asks for more variety"})
    anchors: int = field(default=1000, metadata={"help": "Items that stand for the pool"})
    candidates: int = field(default=4000, metadata={"help": "Items looked at; the rest follow in any order"})
    chosen: int = field(default=500, metadata={"help": "Items chosen one by one; the rest come by gain"})

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is its gain when it was chosen: the share of the pool that it newly covers."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        order = rng.permutation(pool.n)
        candidates = np.sort(order[: self.candidates])
        anchors = rng.permutation(pool.n)[: self.anchors]
        points = _directions(pool.features[anchors], pool.features[candidates], pool.held)
        kernel = _kernel(points[1], points[0], self.bandwidth)
        cover = np.zeros(len(anchors), kernel.dtype)
        if len(pool.held):
            cover = _kernel(points[0], points[2], self.bandwidth).max(axis=1)
        rows, scores = _herd(kernel, cover, min(n, self.chosen))
        rest = np.concatenate([candidates[rows], order[self.candidates :]])[:n]
        return Ranking(rest, np.concatenate([scores, np.zeros(pool.n)])[:n])

    def reason(self, score: float, likely: tuple[str, ...]) -> str:  # noqa: ARG002 - classes play no part
        """How much of the pool it stands for."""
        return "Typical of items not labelled yet" if score > 0 else "Resembles items asked before"


def _herd(kernel: FloatArray, cover: FloatArray, chosen: int) -> tuple[IntArray, FloatArray]:
    """All rows of kernel [candidates, anchors], the first `chosen` of them greedily, and their gains.

    A gain only ever falls while the cover grows, so that the highest gain which is still true after a second
    look is the highest of all: most candidates are never looked at twice (Minoux 1978).
    """
    gains = np.maximum(kernel - cover, 0).mean(axis=1)
    heap = [(-gain, row) for row, gain in enumerate(gains.tolist())]
    heapq.heapify(heap)
    rows: list[int] = []
    while len(rows) < chosen:
        stale, row = heap[0]
        gain = float(np.maximum(kernel[row] - cover, 0).mean())
        if -stale - gain > 1e-9:
            heapq.heapreplace(heap, (-gain, row))
            continue
        heapq.heappop(heap)
        gains[row] = gain
        rows.append(row)
        cover = np.maximum(cover, kernel[row])
    rest = np.setdiff1d(np.arange(len(kernel)), rows)
    gains[rest] = np.maximum(kernel[rest] - cover, 0).mean(axis=1)
    rest = rest[np.argsort(-gains[rest], kind="stable")]
    ordered = np.concatenate([np.array(rows, np.int64), rest])
    return ordered, np.minimum.accumulate(gains[ordered].astype(np.float64))


def _directions(*blocks: FloatArray) -> list[FloatArray]:
    """The blocks less the mean of the first, each row of unit length: what all items share says nothing of
    them.
    """
    mean = blocks[0].mean(axis=0)
    centred = [block - mean if len(block) else block for block in blocks]
    return [block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12) for block in centred]


def _kernel(x: FloatArray, y: FloatArray, bandwidth: float) -> FloatArray:
    squared = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * (x @ y.T)
    return np.asarray(np.exp(-np.maximum(squared, 0) / bandwidth**2), np.float32)
