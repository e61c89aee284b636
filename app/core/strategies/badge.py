"""The strategy `badge`: items from which the model would learn much, and each something else."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._distances import Squared, spread, squared_norms, without_twins


@dataclass(frozen=True)
class Badge(Strategy):
    """Items whose gradients at the last layer are large and differ from each other.

    gᵢ = Aᵢ ⊗ Hᵢ, Aᵢ = onehot(ŷᵢ) − pᵢ, ŷᵢ the most probable class, Hᵢ the item's features: the gradient of the log-loss
    if the model were right. k-means++ seeding on the gᵢ: first the longest, then each drawn ∝ D², D its distance to
    the nearest drawn before it. With several units an item, A is their Aᵢ side by side where every item has as many
    (each its own weights), else their sum. Ash, Zhang, Krishnamurthy, Langford & Agarwal, "Deep batch active learning
    by diverse, uncertain gradient lower bounds", ICLR 2020.

    No gᵢ is ever made: ‖gᵢ − gⱼ‖² = ‖Aᵢ‖²‖Hᵢ‖² + ‖Aⱼ‖²‖Hⱼ‖² − 2 (Aᵢ·Aⱼ)(Hᵢ·Hⱼ). Costs at most n·m·(C + d)
    multiplications, in a few products (see `spread`); memory n·C.
    """

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is the least D at which any was drawn so far; 0 of twins of what was drawn."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        residuals = _residuals(pool)
        norms = squared_norms(residuals) * squared_norms(pool.features)
        geometry = _gradients(residuals, pool.features, norms)
        rows, squares = spread(geometry, np.ones(pool.n, np.float32), int(norms.argmax()), n, rng)
        longest = np.argsort(-norms, kind="stable") if len(rows) < n else np.empty(0, np.int64)
        rest = longest[~np.isin(longest, rows)]
        scores = np.concatenate([np.minimum.accumulate(np.sqrt(squares)), np.zeros(len(rest))])
        return Ranking(np.concatenate([rows, rest])[:n], scores[:n])

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:
        """Which classes are meant, and that it is unlike the others."""
        if score <= 0:
            return Reason("like_others")
        return Reason("teaches", likely)


def _residuals(pool: Pool) -> npt.NDArray[np.float32]:
    """A [n, units · C] where every item has as many units, in order; else their sum [n, C]."""
    p = pool.probabilities
    each = np.negative(p, dtype=np.float32)
    each[np.arange(len(p)), p.argmax(axis=1)] += 1
    units = len(p) // pool.n
    if np.array_equal(pool.owner, np.repeat(np.arange(pool.n), units)):
        return each.reshape(pool.n, -1)
    total = np.zeros((pool.n, p.shape[1]), np.float32)
    np.add.at(total, pool.owner, each)
    return total


def _gradients(residuals: FloatArray, features: FloatArray, norms: FloatArray) -> Squared:
    """The geometry of the gradients."""

    def between(rows: IntArray | slice, others: IntArray) -> FloatArray:
        products = residuals[rows] @ residuals[others].T
        products *= features[rows] @ features[others].T
        return without_twins(norms[rows, None] + norms[others], products)

    return between
