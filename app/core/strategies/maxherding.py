"""The strategy `maxherding`: a cold start that needs no labels, what covers most of the pool first."""

import heapq
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray, IntArray, Pool
from app.core.strategies import Ranking, Strategy
from app.core.strategies._distances import squared, squared_norms


@dataclass(frozen=True)
class Maxherding(Strategy):
    """Items that resemble much of the pool which no labelled item resembles yet.

    With gain(c) = Σ_a [k(a, c) − cover(a)]₊ / A the share of the pool that c newly covers, always the c with the
    highest gain; then cover(a) = max(cover(a), k(a, c)). At first cover(a) is the kernel of a with the nearest item
    that is labelled or in somebody's hands. k(x, y) = exp(−‖x − y‖² / σ²) on centred features of unit length; A anchors
    drawn at random stand for the pool, and so many candidates drawn at random are looked at. Bae, Noh & Sutherland,
    "Generalized coverage for more robust low-budget active learning", ECCV 2024.

    Costs one product of candidates × anchors × d and one of L held × anchors × d, whatever the pool's size; greed looks
    again only at candidates near the top. Memory candidates × anchors, 16 MB, and O(n).
    """

    needs_model: ClassVar[bool] = False

    bandwidth: float = field(default=1.0, metadata={"help": "σ of the kernel: smaller asks for more variety"})
    anchors: int = field(default=1000, metadata={"help": "Items that stand for the pool"})
    candidates: int = field(default=4000, metadata={"help": "Items looked at; the rest follow in any order"})
    chosen: int = field(default=500, metadata={"help": "Items chosen one by one; the rest come by gain"})

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is its gain when it was chosen; 0 of those not looked at."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        order = rng.permutation(pool.n)
        candidates, others = np.sort(order[: self.candidates]), order[self.candidates :]
        anchors = rng.permutation(pool.n)[: self.anchors]
        stand, looked, held = _directions(pool.features[anchors], pool.features[candidates], pool.held)
        cover = np.zeros(len(anchors), np.float32)
        if len(held):
            cover = _kernel(stand, held, self.bandwidth).max(axis=1)
        chosen = min(n, self.chosen, len(candidates))
        rows, gains = _herd(_kernel(looked, stand, self.bandwidth), cover, chosen)
        ranked = np.concatenate([candidates[rows], others])[:n]
        return Ranking(ranked, np.concatenate([gains, np.zeros(len(others))])[:n])

    def reason(self, score: float, likely: tuple[str, ...]) -> str:  # noqa: ARG002 - classes play no part
        """That it stands for others, or no longer does."""
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
        if -stale - gain > 1e-9:  # it has fallen since it was looked at
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
    """The blocks less the mean of the first, each row of unit length: what all items share tells none of them apart."""
    mean = blocks[0].mean(axis=0)
    centred = [block - mean if len(block) else block for block in blocks]
    return [block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12) for block in centred]


def _kernel(x: FloatArray, y: FloatArray, bandwidth: float) -> npt.NDArray[np.float32]:
    """k [n, m] between the rows of x and y."""
    return np.asarray(np.exp(squared(x, y, squared_norms(x), squared_norms(y)) / -(bandwidth**2)), np.float32)
