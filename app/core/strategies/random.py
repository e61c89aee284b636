"""The strategy `random`: the baseline, and what every estimate wants."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy


@dataclass(frozen=True)
class Random(Strategy):
    """Any order, each as probable as any other."""

    needs_model: ClassVar[bool] = False
    needs_features: ClassVar[bool] = False

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """Uniform without replacement; the score 1 − i / n of the pool says no more than the place i."""
        rows = rng.permutation(pool.n)[:n]
        return Ranking(rows, 1 - np.arange(len(rows)) / max(pool.n, 1))

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - there is but one
        """The one reason there is."""
        return Reason("drawn")
