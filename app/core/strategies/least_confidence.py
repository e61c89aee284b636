"""The strategy `least_confidence`: where even the best answer is doubtful."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best


@dataclass(frozen=True)
class LeastConfidence(Strategy):
    """Items whose best class is least probable.

    score = 1 − max_c p_c, the highest (or the mean, as the task says) over an item's units; p_c is the probability of
    class c. Cost O(u C) for u units and C classes. Lewis & Gale, "A sequential algorithm for training text
    classifiers", SIGIR 1994.
    """

    needs_features: ClassVar[bool] = False

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:  # noqa: ARG002 - no draws
        """The least probable best classes first."""
        top = pool.probabilities.max(axis=1).astype(np.float64)
        return best(pool.per_item(1 - top), n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:
        """How sure the model is of what it would answer."""
        return Reason("sure", likely[:1], share=1 - score)
