"""The strategy `ldm_s`: items about which the model easily changes its mind, and which differ from each other."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._disagreement import flippable, ranking
from app.core.strategies._distances import Squared, spread, squared


@dataclass(frozen=True)
class LdmS(Strategy):
    """Items that flip at the least change of the model, seeded for diversity.

    With LDM(x) as of `ldm` and L the m-th smallest, m asked for: γ(x) = exp(−[LDM(x) − L]₊ / L), which is 1 for the m
    smallest; for the others it is scaled so that they weigh m together, and is at most 1. First the smallest LDM, then
    each item with probability ∝ (γ(x) · min 1 − cos(x, y))², y the items chosen before. Cho, Kim & Yoo, "Querying
    easily flip-flopped samples for deep active learning", ICLR 2024.

    Costs what `ldm` costs, and a few products of candidates × m × d for the seeding.
    """

    needs_head: ClassVar[bool] = True

    candidates: int = field(default=4000, metadata={"help": "Most doubtful items looked at", "low": 1, "high": 100000})
    draws: int = field(
        default=100, metadata={"help": "Directions in which the last layer is changed", "low": 2, "high": 10000}
    )

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is the least 1 − LDM of those chosen so far."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        looked = flippable(pool, self.candidates, self.draws, rng)
        first: IntArray = np.empty(0, np.int64)
        if n < len(looked.rows):
            geometry = _angles(pool.features[looked.rows])
            first = spread(geometry, weights(looked.ldm, n) ** 2, int(looked.ldm.argmin()), n, rng)[0]
        return ranking(looked, first, n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - a share of the pool says little
        """Which classes are meant."""
        return Reason("flips", likely)


def weights(ldm: FloatArray, m: int) -> npt.NDArray[np.float64]:
    """γ of each item, of which there are more than m."""
    border = np.partition(ldm, m - 1)[m - 1]
    gamma = np.exp(-np.maximum(ldm - border, 0) / border)
    tail = ldm > border
    if gamma[tail].sum() > 0:  # they may be so far from the border that nothing is left of them
        gamma[tail] = np.minimum(gamma[tail] * (m / gamma[tail].sum()), 1)
    return np.asarray(gamma, np.float64)


def _angles(x: FloatArray) -> Squared:
    """The geometry in which two rows are 1 − cos(x, y) apart; a row of zeros has the cosine ½ with every other."""
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    ones = np.ones(len(x), np.float32)

    def between(rows: IntArray | slice, others: IntArray) -> FloatArray:
        return np.square(squared(x[rows], x[others], ones[rows], ones[others]) / 2)

    return between
