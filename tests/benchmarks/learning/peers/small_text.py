"""small-text's strategies, with the settings that the library has by default."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from small_text.query_strategies import (
    BreakingTies,
    ContrastiveActiveLearning,
    GreedyCoreset,
    LeastConfidence,
    PredictionEntropy,
)

from app.core.data import Pool
from tests.benchmarks.learning.peers import Peer, probabilities


class _Fitted:
    """Our fitted model as the library's classifier; a data set is an array of features, as the library allows."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Of the unlabelled and labelled rows together the library wants them in one array."""
        n = self.pool.n
        unlabelled = probabilities(self.pool, X[:n])
        if len(X) == n:
            return unlabelled
        return np.concatenate([unlabelled, probabilities(self.pool, X[n:])])

    def embed(self, X: np.ndarray, return_proba: bool = False, pbar: Any = None) -> Any:
        return (X, self.predict_proba(X)) if return_proba else X


class SmallText(Peer):
    """One strategy of small-text; those that draw do so from numpy's global generator, which is seeded for it.

    Its confidence-based strategies score the whole data set and then look at the unlabelled items; they are handed
    these alone, which costs them less and changes nothing.
    """

    def __init__(self, name: str, make: Callable[[int], Any], compares: bool = False, needs_head: bool = False) -> None:
        super().__init__(f"small-text {name}", True, needs_head)
        self.make, self.compares = make, compares

    def choose(self, pool: Pool, n: int, seed: int) -> np.ndarray:
        held = pool.held if self.compares else pool.held[:0]
        X = np.concatenate([pool.features, held]) if len(held) else pool.features
        unlabelled, labelled = np.arange(pool.n), np.arange(pool.n, len(X))
        np.random.seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of changed defaults
            strategy = self.make(pool.probabilities.shape[1])
            return np.asarray(
                strategy.query(_Fitted(pool), X, unlabelled, labelled, np.zeros(len(labelled), np.int64), n=n)
            )


STRATEGIES = [
    SmallText("BreakingTies", lambda classes: BreakingTies()),
    SmallText("LeastConfidence", lambda classes: LeastConfidence()),
    SmallText("PredictionEntropy", lambda classes: PredictionEntropy()),
    SmallText("GreedyCoreset", lambda classes: GreedyCoreset(), compares=True, needs_head=True),
    SmallText(
        "ContrastiveActiveLearning",
        lambda classes: ContrastiveActiveLearning(pbar=None),
        compares=True,
        needs_head=True,
    ),
]
