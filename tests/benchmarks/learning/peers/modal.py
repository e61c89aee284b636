"""modAL's uncertainty strategies."""

from collections.abc import Callable
from typing import Any

import numpy as np
from modAL.uncertainty import entropy_sampling, margin_sampling, uncertainty_sampling

from app.core.data import Pool
from tests.benchmarks.learning.peers import Peer, probabilities


class _Fitted:
    """Our fitted model with the one method that modAL asks for."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return probabilities(self.pool, X)


class Modal(Peer):
    """One of modAL's functions."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        super().__init__(f"modAL {name}")
        self.function = function

    def choose(self, pool: Pool, n: int, seed: int) -> np.ndarray:
        """modAL returns (rows, scores), or rows alone, by its version."""
        found = self.function(_Fitted(pool), pool.features, n_instances=n)
        return np.asarray(found[0] if isinstance(found, tuple) else found)


STRATEGIES = [
    Modal("margin", margin_sampling),
    Modal("entropy", entropy_sampling),
    Modal("uncertainty", uncertainty_sampling),
]
