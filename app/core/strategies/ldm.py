"""The strategy `ldm`: items about which the model changes its mind when hardly anything else changes."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from app.core.data import Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._disagreement import flippable, ranking


@dataclass(frozen=True)
class Ldm(Strategy):
    """Items that flip at the least change of the model.

    score = 1 − LDM; LDM(x) = min ρ(h, h′) over changed models h′ with h′(x) ≠ h(x); ρ(h, h′) = P[h(X) ≠ h′(X)], the
    share of the pool that they answer differently. h′ is h with noise σE on its last layer, for so many draws of E and
    every σ > 0; ρ is counted on 1,000 units drawn at random and the item itself, so that it is never 0. Cho, Kim & Yoo,
    "Querying easily flip-flopped samples for deep active learning", ICLR 2024.

    Looks at the items with the smallest margins, `candidates` of them (see `margin`); the rest follow by margin, which
    also decides between equals. Costs a pass over the probabilities and draws · (candidates + 1,000) · d · C
    multiplications, at most 2·10¹⁰ unless that is fewer than 20 draws; memory (candidates + 1,000) · (d + C).
    """

    needs_head: ClassVar[bool] = True

    candidates: int = field(default=4000, metadata={"help": "Most doubtful items looked at", "low": 1, "high": 100000})
    draws: int = field(
        default=100, metadata={"help": "Directions in which the last layer is changed", "low": 2, "high": 10000}
    )

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is 1 − LDM; of those not looked at their 1 − margin, at most the least score before."""
        looked = flippable(pool, self.candidates, self.draws, rng)
        return ranking(looked, np.empty(0, np.int64), n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - a share of the pool says little
        """Which classes are meant."""
        return Reason("flips", likely)
