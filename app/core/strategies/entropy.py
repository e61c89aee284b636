"""The strategy `entropy`: where the model's belief is spread over the most answers."""

from dataclasses import dataclass
from math import exp
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best

# Numbers looked at together: about as many as a core's cache holds.
BLOCK = 1 << 16
# More than what single precision can be wrong by, with thousands of classes.
ROUNDING = 1e-4


@dataclass(frozen=True)
class Entropy(Strategy):
    """Items whose answer the model knows least about, all classes considered.

    score = H[p] = −Σ_c p_c log p_c, the highest (or the mean, as the task says) over an item's units; p_c is the
    probability of class c, and 0 log 0 = 0. Cost O(u C) for u units and C classes. Shannon 1948; as a strategy:
    Settles, "Active learning literature survey", 2009. With many classes it asks for items that are unlikely to be
    anything in particular; margin is the better default.
    """

    needs_features: ClassVar[bool] = False

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:  # noqa: ARG002 - no draws
        """The highest entropies first: all in single precision, those near the border again in double, which is as
        exact as all in double and takes a third of the time.
        """
        units = entropies(pool.probabilities, np.float32)
        scores = pool.per_item(units)
        if 0 < n < len(scores):
            near = scores >= np.partition(scores, len(scores) - n)[len(scores) - n] - ROUNDING
        else:
            near = np.ones(len(scores), bool)
        again = near[pool.owner]
        units[again] = entropies(pool.probabilities[again], np.float64)
        return best(pool.per_item(units), n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:
        """Between how many equally probable answers the model would be as undecided: e^H."""
        answers = round(exp(score))
        if answers < 2:
            return Reason("nearly_sure", likely[:1])
        return Reason("wavers", likely[:1], count=answers)


def entropies(probabilities: FloatArray, precision: npt.DTypeLike = np.float64) -> FloatArray:
    """H of each row [u, C] in nats, as float64; worked out in this precision."""
    units, classes = probabilities.shape
    found = np.empty(units)
    step = max(1, BLOCK // max(classes, 1))
    for start in range(0, units, step):
        p = probabilities[start : start + step].astype(precision, copy=False)
        # The least normal number in place of 0: its logarithm is finite, and times p = 0 it is 0.
        logs = np.log(np.maximum(p, np.finfo(p.dtype).tiny))
        logs *= p
        found[start : start + step] = np.maximum(-logs.sum(axis=1), 0)
    return found
