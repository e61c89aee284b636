"""scikit-activeml's pool strategies, with the settings that the library has by default unless the name says more."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from skactiveml.base import SkactivemlClassifier
from skactiveml.pool import (
    Badge,
    Clue,
    ContrastiveAL,
    CoreSet,
    DropQuery,
    Falcun,
    MaxHerding,
    ProbCover,
    TypiClust,
    UncertaintySampling,
)

from app.core.data import Pool
from tests.benchmarks.learning.peers import Peer, probabilities


class _Fitted(SkactivemlClassifier):
    """Our fitted model as the library's classifier; it is never fitted again."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(classes=list(range(pool.probabilities.shape[1])))
        self.pool = pool

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "_Fitted":
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return probabilities(self.pool, X)

    def predict(self, X: Any) -> np.ndarray:
        return self.predict_proba(X).argmax(axis=1)


class ScikitActiveml(Peer):
    """One pool strategy of scikit-activeml, made anew for each query with a seed."""

    def __init__(self, name: str, make: Callable[[int, int], Any], model: str = "", needs_head: bool = False) -> None:
        super().__init__(f"skactiveml {name}", bool(model), needs_head)
        self.make, self.model = make, model

    def choose(self, pool: Pool, n: int, seed: int) -> np.ndarray:
        """The library wants the whole data set, with NaN for the labels to come; which class a label has, only its
        classifier would ask, and that is ours.
        """
        X = np.concatenate([pool.features, pool.held]) if len(pool.held) else pool.features
        y = np.concatenate([np.full(pool.n, np.nan), np.zeros(len(pool.held))])
        given = {self.model: _Fitted(pool), f"fit_{self.model}": False} if self.model else {}
        strategy = self.make(seed, max(pool.probabilities.shape[1], 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # k-means that did not settle, a δ that covers too little: its own affair
            return np.asarray(strategy.query(X=X, y=y, batch_size=n, **given))


def _uncertainty(method: str) -> Callable[[int, int], Any]:
    return lambda seed, classes: UncertaintySampling(method=method, random_state=seed)


# The library does not hand its seed on to k-means, so that without these settings no run could be had again.
def _clue(method: str) -> Callable[[int, int], Any]:
    return lambda seed, classes: Clue(method=method, random_state=seed, cluster_algo_dict={"random_state": seed})


def _drop_query(seed: int, classes: int) -> Any:
    return DropQuery(random_state=seed, cluster_algo_dict={"random_state": seed})


STRATEGIES = [
    ScikitActiveml("margin", _uncertainty("margin_sampling"), "clf"),
    ScikitActiveml("entropy", _uncertainty("entropy"), "clf"),
    ScikitActiveml("least confident", _uncertainty("least_confident"), "clf"),
    ScikitActiveml("Badge", lambda seed, classes: Badge(random_state=seed), "clf"),
    ScikitActiveml("Falcun", lambda seed, classes: Falcun(random_state=seed), "clf"),
    ScikitActiveml("Clue", _clue("entropy"), "estimator"),
    ScikitActiveml("Clue margin", _clue("margin_sampling"), "estimator"),
    ScikitActiveml("ContrastiveAL", lambda seed, classes: ContrastiveAL(random_state=seed), "clf", needs_head=True),
    ScikitActiveml("DropQuery", _drop_query, "clf", needs_head=True),
    ScikitActiveml("CoreSet", lambda seed, classes: CoreSet(random_state=seed)),
    ScikitActiveml("TypiClust", lambda seed, classes: TypiClust(random_state=seed)),
    ScikitActiveml("MaxHerding", lambda seed, classes: MaxHerding(random_state=seed)),
    ScikitActiveml("ProbCover", lambda seed, classes: ProbCover(n_classes=classes, random_state=seed)),
]
