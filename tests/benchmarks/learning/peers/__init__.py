"""The libraries' strategies behind our contract: the same pool, the same fitted model, the library's own choice."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from app.core.data import Pool
from app.core.strategies import Ranking, Strategy


class Peer(Strategy):
    """A strategy of a library with its own settings: our pool and model in the library's terms, and its choice."""

    most: ClassVar[int] = 0

    def __init__(self, name: str, needs_model: bool = True, needs_head: bool = False) -> None:
        self.title = name
        # What a plug-in states as constants of its class, an instance states here: one class serves a whole library.
        self.needs_model, self.needs_head = needs_model, needs_head  # type: ignore[misc]

    @property
    def name(self) -> str:
        """The library's name and the strategy's."""
        return self.title

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The library's choice; scores only say the order, for a library gives no score that all share."""
        rows = np.asarray(self.choose(pool, min(n, pool.n), int(rng.integers(2**31 - 1))), np.int64)
        return Ranking(rows, -np.arange(len(rows), dtype=float))

    @abstractmethod
    def choose(self, pool: Pool, n: int, seed: int) -> np.ndarray:
        """Row numbers of the pool."""

    def reason(self, score: float, likely: tuple[str, ...]) -> str:
        """Its name."""
        return self.title


def probabilities(pool: Pool, X: np.ndarray) -> np.ndarray:
    """Our model's probabilities [n, K] of features as a library hands them back.

    Of the pool itself they are those that our strategies see; of anything else (labelled items, features with
    dropout) those of the model's last layer.
    """
    X = np.asarray(X)
    # Comparing a large pool with itself would take longer than choosing, and count as the library's time.
    if X is pool.features or (X.shape == pool.features.shape and np.array_equal(X, pool.features)):
        return np.asarray(pool.probabilities, np.float64)
    if pool.head is None:
        raise ValueError("this peer asks for probabilities of other features than the pool's: it needs the head")
    z = X @ pool.head[:-1] + pool.head[-1]
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(z / z.sum(axis=1, keepdims=True), np.float64)
