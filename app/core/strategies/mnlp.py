"""The strategy `mnlp`: sequences of which the model is least sure, long ones not preferred."""

from dataclasses import dataclass, replace
from math import exp
from typing import ClassVar

import numpy as np

from app.core.data import Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best


@dataclass(frozen=True)
class Mnlp(Strategy):
    """Items whose best answer has the lowest probability for each of its units (words, or yes-or-no questions).

    score = −1/T Σ_t log max_c p_tc; p_tc is the probability of class c for the t-th of the item's T units, and their
    mean is taken whatever the task's reducer is. Cost O(u C) for u units and C classes. Maximum normalized
    log-probability: Shen et al., "Deep active learning for named entity recognition", ICLR 2018, whose tagger decodes
    greedily, as here. Without the division by T long sequences would be asked first.
    """

    needs_features: ClassVar[bool] = False

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:  # noqa: ARG002 - no draws
        """The least probable for their length first."""
        top = pool.probabilities.max(axis=1).astype(np.float64)
        unlikely = -np.log(np.clip(top, np.finfo(np.float64).tiny, 1))
        return best(replace(pool, reducer="mean").per_item(unlikely), n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - it speaks of the item as a whole
        """The geometric mean of what the model gives each part."""
        return Reason("sure_of_parts", share=exp(-score))
