"""The strategy `variation_ratio`: where draws of the model vote for different answers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies.bald import draws
from app.core.strategies.margin import uncertainty


@dataclass(frozen=True)
class VariationRatio(Strategy):
    """Items on which the fewest draws of the model agree with the most frequent answer.

    score = 1 − max_c |{t : argmax p_t = c}| / k, the highest (or the mean, as the task says) over an item's units; p_t
    are a unit's probabilities by the t-th of k draws of the model. A score takes one of few values: equal ones go by
    the margin of the mean of the p_t, the smallest first, then by row. A draw whose best classes are equal votes for
    the first of them. Cost O(k u C). Freeman, "Elementary applied statistics", 1965; with dropout masks as draws: Gal,
    Islam & Ghahramani, "Deep Bayesian active learning with image data", ICML 2017.
    """

    needs_features: ClassVar[bool] = False
    needs_samples: ClassVar[int] = 20

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:  # noqa: ARG002 - no draws of its own
        """The least agreed on first. Raises ValueError where there are no draws of the model."""
        samples = draws(pool, "variation_ratio")
        scores = pool.per_item(ratios(samples))
        doubts = pool.per_item(uncertainty(samples.mean(axis=0)))
        rows = np.lexsort((-doubts, -scores))[:n]
        return Ranking(rows, np.maximum(scores[rows], 0))  # −∞: an item without units

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:
        """How many of the model's versions are outvoted."""
        return Reason("outvoted", likely, share=score)


def ratios(samples: FloatArray) -> FloatArray:
    """1 − the share of the modal class over the draws, of each unit, from samples [k, u, C]."""
    k, units, classes = samples.shape
    votes = np.zeros((units, classes), np.int32)
    for draw in samples:
        votes[np.arange(units), draw.argmax(axis=1)] += 1
    return np.asarray(1 - votes.max(axis=1) / k)
