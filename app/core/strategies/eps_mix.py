"""The strategy `eps_mix`: another strategy's order, with random items strewn in."""

from dataclasses import dataclass, field, replace

import numpy as np

from app.core import plugins
from app.core.data import BoolArray, IntArray, Pool
from app.core.reasons import BY_LOT, Reason
from app.core.strategies import Ranking, Situation, Strategy
from app.core.strategies._wrapping import wrap


@dataclass(frozen=True)
class EpsMix(Strategy):
    """Another strategy's items, now and then one drawn at random instead.

    Each place is, with probability ε, uniform from the rows that are left, else the base's next row that is left. Given
    the base's order, the propensity of a row at its place is ε / left + (1 − ε) · [it is the base's next]: where ε > 0
    no row of the pool is impossible. Cost O(n) beyond the base's. Sutton & Barto's ε-greedy, without replacement.
    """

    base: str = field(
        default="margin",
        metadata={"help": "The strategy whose order is mixed", "room": "strategies", "without": ("eps_mix",)},
    )
    epsilon: float = field(
        default=0.1, metadata={"help": "ε: the share of places drawn at random, 0 to 1", "low": 0, "high": 1}
    )

    def __post_init__(self) -> None:
        """Raises UnknownPlugin where there is no such base; ValueError where ε is no share."""
        if not 0 <= self.epsilon <= 1:
            raise ValueError("eps_mix: epsilon is a share, from 0 to 1")
        if self.base == "eps_mix":
            raise plugins.UnknownPlugin("eps_mix cannot mix itself")
        wrap(self, self.base)

    def at(self, situation: Situation) -> Strategy:
        """Itself, over what its base gives way to."""
        base = self._base().at(situation).name
        return self if base == self.base else replace(self, base=base)

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of a place is that of the base's next row, whichever of the two is asked there."""
        n = min(n, pool.n)
        ordered = self._base().rank(pool, n, rng)
        by_lot = rng.random(n) < self.epsilon
        # The first row of a random order that is not taken yet is uniform among those, whatever was taken before.
        rows, following = _mix(ordered.rows, rng.permutation(pool.n), by_lot)
        left = pool.n - np.arange(n)
        propensities = self.epsilon / left + (1 - self.epsilon) * (rows == ordered.rows[following])
        return Ranking(rows, ordered.scores[following], propensities)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason | str:
        """The base's, and that it may have been chance."""
        said = self._base().reason(score, likely)
        return replace(said, by_lot=True) if isinstance(said, Reason) else BY_LOT.format(said=said)

    def _base(self) -> Strategy:
        return plugins.make("strategies", {"name": self.base}, Strategy)


def _mix(ordered: IntArray, lottery: IntArray, by_lot: BoolArray) -> tuple[IntArray, IntArray]:
    """The row of each place, and the place in `ordered` of the first row that was not taken before it."""
    taken: set[int] = set()
    rows, following, drawn = np.empty(len(by_lot), np.int64), np.empty(len(by_lot), np.int64), 0
    at = 0
    for place, lot in enumerate(by_lot):
        while int(ordered[at]) in taken:
            at += 1
        while int(lottery[drawn]) in taken:
            drawn += 1
        rows[place], following[place] = lottery[drawn] if lot else ordered[at], at
        taken.add(int(rows[place]))
    return rows, following
