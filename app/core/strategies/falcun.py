"""The strategy `falcun`: doubtful items whose doubts differ from each other, without any features."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from app.core.data import FloatArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._drawing import one, successively
from app.core.strategies.margin import uncertainty

# The least relevance: of rows that have none each is as probable as any other, once the rest is drawn.
LEAST = 1e-6


@dataclass(frozen=True)
class Falcun(Strategy):
    """Items the model doubts, each in another way: drawn by lot, in proportion to doubt and to difference.

    A draw takes row i with probability r_i^γ / Σ_j r_j^γ over the rows j that are left; its relevance is
    r_i = u_i + (D_i − min D) / (max D − min D), with doubt u_i = 1 − (p₍₁₎ − p₍₂₎) and difference D_i: u_i at first,
    and after each draw q the lesser of D_i and ‖p_i − p_q‖₁. Of an item with several units u is as the task says and
    ‖·‖₁ the mean over units, or where items differ in the number of units, ‖·‖₁ of their mean probabilities. After
    m = `chosen` draws D stays as it is. Cost O(m n C). Gilhuber et al., "FALCUN: a simple and efficient deep active
    learning strategy", ECML PKDD 2024.
    """

    needs_features: ClassVar[bool] = False

    gamma: float = field(
        default=10.0,
        metadata={"help": "γ: higher draws the most relevant more surely, 0 uniformly", "low": 0, "high": 1000},
    )
    chosen: int = field(
        default=100,
        metadata={"help": "Items chosen for their difference; the rest by what is left", "low": 1, "high": 10000},
    )

    def __post_init__(self) -> None:
        """Raises ValueError where γ is negative."""
        if self.gamma < 0:
            raise ValueError("falcun: gamma must not be negative, or what the model is sure of is asked first")

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of a place is the lowest r of the rows drawn so far."""
        n = min(n, pool.n)
        draws = _Draws(pool, self.gamma)
        first = min(n, max(self.chosen, 0))
        rows, scores, propensities = np.empty(n, np.int64), np.empty(n), np.empty(n)
        for place in range(first):
            rows[place], scores[place], propensities[place] = draws.next(rng)
        if first < n:
            left = np.flatnonzero(draws.left)
            relevance = draws.relevance()[left]
            places, _, propensities[first:] = successively(self.gamma * np.log(relevance), n - first, rng)
            rows[first:], scores[first:] = left[places], relevance[places]
        return Ranking(rows, np.minimum.accumulate(scores), propensities)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - it mixes two things
        """What is doubted, and that it was sought for being different."""
        return Reason("doubtful", likely)


class _Draws:
    """The state between draws: who is left, and how far each is from what was drawn."""

    def __init__(self, pool: Pool, gamma: float) -> None:
        self.left = np.ones(pool.n, bool)
        self._gamma = gamma
        doubt = pool.per_item(uncertainty(pool.probabilities))
        self._doubt = np.maximum(doubt, 0).astype(np.float32)  # −∞: an item without units
        self._distance = self._doubt.copy()
        self._points = torch.from_numpy(_points(pool))

    def relevance(self) -> FloatArray:
        """r of each row [n]."""
        low = self._distance.min(where=self.left, initial=np.inf)
        span = self._distance.max(where=self.left, initial=-np.inf) - low
        relevance = self._doubt + (self._distance - low) / span if span > 0 else self._doubt
        return np.maximum(relevance, np.float32(LEAST))

    def next(self, rng: np.random.Generator) -> tuple[int, float, float]:
        """A row, its r, and the probability with which it was drawn."""
        relevance = self.relevance()
        weights = np.log(relevance)
        # At most log 1, of those drawn before as well: no γ overflows.
        np.minimum(weights - weights.max(where=self.left, initial=-np.inf), 0, out=weights)
        weights *= np.float32(self._gamma)
        np.exp(weights, out=weights)
        weights *= self.left
        row, propensity = one(weights, rng)
        self.left[row] = False
        differences = torch.cdist(self._points, self._points[row][None], p=1)[:, 0].numpy()
        np.minimum(self._distance, differences, out=self._distance)
        return row, float(relevance[row]), propensity


def _points(pool: Pool) -> FloatArray:
    """The probabilities of an item's units side by side, or their mean where items differ in the number of units."""
    p = np.ascontiguousarray(pool.probabilities, np.float32)
    units = len(p) // max(pool.n, 1)
    if units and np.array_equal(pool.owner, np.repeat(np.arange(pool.n), units)):
        return p.reshape(pool.n, -1) / np.float32(units) if units > 1 else p
    sums = [np.bincount(pool.owner, weights=column, minlength=pool.n) for column in p.T]
    counts = np.maximum(np.bincount(pool.owner, minlength=pool.n), 1)
    return np.asarray(np.stack(sums, axis=1) / counts[:, None], np.float32)
