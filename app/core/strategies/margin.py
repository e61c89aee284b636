"""The strategy `margin`: where the best two answers are nearest to each other."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, Pool
from app.core.strategies import Ranking, Strategy, best


@dataclass(frozen=True)
class Margin(Strategy):
    """Items between whose two best classes the model hesitates most.

    score = 1 − (p₍₁₎ − p₍₂₎), the highest over an item's units; p₍₁₎ ≥ p₍₂₎ are a unit's two largest
    probabilities. Scheffer, Decomain & Wrobel, "Active hidden Markov models for information extraction", IDA
    2001.
    """

    needs_features: ClassVar[bool] = False

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:  # noqa: ARG002 - no draws
        """The smallest margins first."""
        return best(pool.per_item(uncertainty(pool.probabilities)), n)

    def reason(self, score: float, likely: tuple[str, ...]) -> str:
        """Which classes are meant."""
        if len(likely) == 2:
            return f"Model hesitates between {likely[0]} and {likely[1]}"
        return f"Model is unsure about {likely[0]}" if likely else f"Margin {1 - score:.2f}"


def uncertainty(probabilities: FloatArray) -> FloatArray:
    """1 − (p₍₁₎ − p₍₂₎) of each row [u, C]; 0 where there is but one class. With two classes it is 1 − |2p −
    1|.
    """
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    top = np.partition(probabilities, -2, axis=1)
    return np.asarray(1 - (top[:, -1] - top[:, -2]), np.float64)
