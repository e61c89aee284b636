"""Strategies: which items to ask next, and why.

A new strategy is one file with one dataclass:

    @dataclass(frozen=True)
    class LeastConfident(Strategy):
        \"\"\"Items whose best class is least probable.\"\"\"

        needs_features: ClassVar[bool] = False

        def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
            return best(pool.per_item(1 - pool.probabilities.max(axis=1)), n)

        def reason(self, score: float, likely: tuple[str, ...]) -> str:
            return "Model is not confident"
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, IntArray, Pool


@dataclass(frozen=True)
class Ranking:
    """Rows of the pool, distinct, best first, at most as many as asked for, and the score of each."""

    rows: IntArray
    scores: FloatArray


class Strategy(ABC):
    """Ranks a pool. Same pool and same rng, same ranking; all items come if enough are asked for.

    A plug-in that reads `pool.probabilities` states `needs_model = True` (the default), and is not asked
    before there is a model. One that reads `pool.features` or `pool.held` states `needs_features = True` (the
    default), and sees a bounded number of candidates, the most uncertain ones; the others see the whole pool,
    with features of width 0.
    """

    needs_model: ClassVar[bool] = True
    needs_features: ClassVar[bool] = True

    @abstractmethod
    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The n best rows of the pool, or all if it has fewer."""

    @abstractmethod
    def reason(self, score: float, likely: tuple[str, ...]) -> str:
        """Why an item with this score is asked, in a few words for people.

        `likely` names the classes between which the model is undecided: two of exclusive classes, the most
        probable first; else the one class nearest to even; none without a model.
        """


def best(scores: FloatArray, n: int) -> Ranking:
    """The n rows with the highest scores; equal scores in the order of rows, so that a ranking never depends
    on luck.
    """
    n = min(n, len(scores))
    if n < len(scores):  # one pass over a large pool instead of a sort, ties at the border included
        border = np.partition(scores, len(scores) - n)[len(scores) - n] if n else np.inf
        candidates = np.flatnonzero(scores >= border)
    else:
        candidates = np.arange(len(scores))
    rows = candidates[np.argsort(-scores[candidates], kind="stable")][:n]
    return Ranking(rows, scores[rows])
