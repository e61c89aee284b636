"""The strategy `power`: drawn by lot, the higher the score of another strategy the more probably."""

from dataclasses import dataclass, field

import numpy as np

from app.core import plugins
from app.core.data import FloatArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._drawing import LEAST, successively
from app.core.strategies._wrapping import wrap

# They compare items or draw themselves, so that the score of an item alone says nothing.
SCORELESS = ("eps_mix", "falcun", "power", "random")


@dataclass(frozen=True)
class Power(Strategy):
    """Items drawn by lot, doubtful ones more often: a batch is not the same thing over and over.

    Rows in the order of s'_i = β log s_i + G_i, G_i from Gumbel(0, 1): draws without replacement in proportion to
    s_i^β, so that the propensity of a draw is s_i^β / Σ_j s_j^β over the rows j that were left. s is the score of
    another strategy, at least 10⁻⁹; β = 0 is uniform, β → ∞ is that strategy itself. Cost O(n) beyond the score's.
    Kirsch et al., "Stochastic batch acquisition: a simple baseline for deep active learning", TMLR 2023; over `bald`
    it is PowerBALD.
    """

    score: str = field(
        default="margin",
        metadata={
            "help": "The strategy whose score is drawn by",
            "room": "strategies",
            "with": {"needs_model": True, "needs_features": False},
            "without": ("falcun",),
        },
    )
    beta: float = field(
        default=1.0,
        metadata={"help": "β: higher draws high scores more surely, 0 draws uniformly", "low": 0, "high": 1000},
    )

    def __post_init__(self) -> None:
        """Raises UnknownPlugin where there is no such score; ValueError where β is negative."""
        if self.beta < 0:
            raise ValueError("power: beta must not be negative, or what the model is sure of is asked first")
        if self.score in SCORELESS or (inner := wrap(self, self.score)).needs_features or not inner.needs_model:
            raise plugins.UnknownPlugin(f"power: {self.score} gives no score of an item alone, as margin does")

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of a place is s'; see the class."""
        log_weights = self.beta * np.log(np.maximum(self._scores(pool, rng), LEAST))
        return Ranking(*successively(log_weights, n, rng))

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - it holds the luck of the draw
        """That chance decided, and what the model doubts."""
        return Reason("lot", likely)

    def _scores(self, pool: Pool, rng: np.random.Generator) -> FloatArray:
        ranking = plugins.make("strategies", {"name": self.score}, Strategy).rank(pool, pool.n, rng)
        scores = np.empty(pool.n)
        scores[ranking.rows] = ranking.scores
        return scores
