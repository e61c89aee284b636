"""The strategy `maxherding`: a cold start that needs no labels, what covers most of the pool first."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from app.core.data import Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._herding import covered, directions, gains_of, herd, kernel


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

    bandwidth: float = field(
        default=1.0, metadata={"help": "σ of the kernel: smaller asks for more variety", "low": 0.01, "high": 100}
    )
    anchors: int = field(default=1000, metadata={"help": "Items that stand for the pool", "low": 1, "high": 20000})
    candidates: int = field(
        default=4000, metadata={"help": "Items looked at; the rest follow in any order", "low": 1, "high": 20000}
    )
    chosen: int = field(
        default=500, metadata={"help": "Items chosen one by one; the rest come by gain", "low": 1, "high": 20000}
    )

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is its gain when it was chosen; 0 of those not looked at."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        order = rng.permutation(pool.n)
        candidates, others = np.sort(order[: self.candidates]), order[self.candidates :]
        anchors = rng.permutation(pool.n)[: self.anchors]
        standing = pool.features[anchors]
        mean = standing.mean(axis=0)
        stand, looked, held = (directions(x, mean) for x in (standing, pool.features[candidates], pool.held))
        alike = np.full(len(anchors), 1 / len(anchors), np.float32)
        between = kernel(looked, stand, self.bandwidth)
        rows, gains, cover = herd(between, covered(stand, held, self.bandwidth), alike, min(n, self.chosen))
        if n > len(rows):
            left = np.setdiff1d(np.arange(len(candidates)), rows)
            after = gains_of(between[left], cover, alike)
            by_gain = np.argsort(-after, kind="stable")
            rows, gains = np.concatenate([rows, left[by_gain]]), np.concatenate([gains, after[by_gain]])
        ranked = np.concatenate([candidates[rows], others])[:n]
        return Ranking(ranked, np.concatenate([np.minimum.accumulate(gains), np.zeros(len(others))])[:n])

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - classes play no part
        """That it stands for others, or no longer does."""
        return Reason("typical" if score > 0 else "like_asked")
