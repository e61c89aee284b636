"""The strategy `auto`: the default; it has no knobs, and gives way to what measured best where a project stands."""

from dataclasses import dataclass

import numpy as np

from app.core.data import Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Situation, Strategy
from app.core.strategies.maxherding import Maxherding
from app.core.strategies.random import Random
from app.core.strategies.uherding import Uherding


@dataclass(frozen=True)
class Auto(Strategy):
    """What measured best: typical items before there is a model, then doubtful ones that stand for many (recommended).

    `maxherding` until two different answers were seen, `uherding` from then on; `random` where the project's own record
    says that asking by strategy does worse than asking at random, until it says so no longer. The measurements that
    decided are in docs/benchmarks/learning.md.
    """

    def at(self, situation: Situation) -> Strategy:
        """The strategy for this situation."""
        if situation.verdict == "worse":
            return Random()
        return Uherding() if situation.has_model else Maxherding()

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """As the strategy ranks that a pool with or without probabilities calls for."""
        return (Uherding() if len(pool.probabilities) else Maxherding()).rank(pool, n, rng)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:
        """As that strategy says it."""
        return (Uherding() if likely else Maxherding()).reason(score, likely)
