"""The strategy `bald`: where draws of the model are each sure and contradict each other."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best
from app.core.strategies.entropy import entropies

# Units looked at together, so that what is worked out in double precision stays small.
BLOCK = 1024


@dataclass(frozen=True)
class Bald(Strategy):
    """Items about which draws of the model disagree, rather than those about which all are unsure.

    score = I[y; ω] = H[1/k Σ_t p_t] − 1/k Σ_t H[p_t], the highest (or the mean, as the task says) over an item's
    units; p_t are a unit's probabilities by the t-th of k draws ω of the model, and H is the entropy. Cost O(k u C).
    Houlsby et al., "Bayesian active learning for classification and preference learning", 2011; with dropout masks as
    draws: Gal, Islam & Ghahramani, "Deep Bayesian active learning with image data", ICML 2017. It asks for the same
    thing over and over within a batch; `power` with the score `bald` does not.
    """

    needs_features: ClassVar[bool] = False
    needs_samples: ClassVar[int] = 20

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:  # noqa: ARG002 - no draws of its own
        """The most that an answer would tell of the model first. Raises ValueError where there are no draws."""
        return best(pool.per_item(information(draws(pool, "bald"))), n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - nats mean nothing to people
        """That the model's versions contradict each other."""
        return Reason("contradicts", likely)


def draws(pool: Pool, strategy: str) -> FloatArray:
    """The pool's samples [k, u, C]. Raises ValueError where the learner has none to give."""
    if pool.samples is None:
        raise ValueError(f"{strategy} needs draws of the model (samples), and this learner knows one model only")
    return pool.samples


def information(samples: FloatArray) -> FloatArray:
    """I[y; ω] of each unit in nats, from samples [k, u, C]; never below 0."""
    k, units, classes = samples.shape
    found = np.empty(units)
    for start in range(0, units, BLOCK):
        block = samples[:, start : start + BLOCK].astype(np.float64)
        each = entropies(block.reshape(-1, classes)).reshape(k, -1).mean(axis=0)
        found[start : start + BLOCK] = entropies(block.mean(axis=0)) - each
    return np.maximum(found, 0)
