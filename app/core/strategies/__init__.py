"""Strategies: which items to ask next, and why.

A new strategy is one file with one dataclass:

    @dataclass(frozen=True)
    class LeastConfident(Strategy):
        \"\"\"Items whose best class is least probable.\"\"\"

        needs_features: ClassVar[bool] = False

        def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
            return best(pool.per_item(1 - pool.probabilities.max(axis=1)), n)

        def reason(self, score: float, likely: tuple[str, ...]) -> Reason:
            return Reason("sure", likely[:1], share=1 - score)
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason


@dataclass(frozen=True)
class Ranking:
    """Rows of the pool, distinct, best first, at most as many as asked for, and the score of each.

    propensities: of a strategy that draws, the exact probability with which each row was drawn, given those drawn
    before it; None where nothing was drawn, or where no such number is known.
    """

    rows: IntArray
    scores: FloatArray
    propensities: FloatArray | None = None


@dataclass(frozen=True)
class Situation:
    """What a strategy may know before it ranks, to give way to another one (see `Strategy.at`).

    labels: labelled items. classes: of the project. is_cold: labels too few for a model's doubts to mean something.
    verdict: what the project's own record says of asking by strategy against asking at random: "better", "worse",
    "open", or "" before there is a record.
    """

    labels: int
    classes: int
    has_model: bool
    is_cold: bool
    verdict: str = ""


class Strategy(ABC):
    """Ranks a pool. Same pool and same rng, same ranking; all items come if enough are asked for.

    A plug-in states what it reads. `needs_model` (default True): `pool.probabilities`; it is not asked before there is
    a model. `needs_features` (default True): `pool.features` or `pool.held`; it sees at most `most` candidates, the
    most uncertain ones, and is asked for one batch, after which the queue goes on by margin; the others see the whole
    pool, with features of width 0, and rank the whole queue. `needs_samples` (default 0): so many draws of the model in
    `pool.samples`. `needs_head` (default False): `pool.head` and `pool.inputs`. `most` bounds the cost of a round on a
    pool of any size; 0 is no bound.
    """

    needs_model: ClassVar[bool] = True
    needs_features: ClassVar[bool] = True
    needs_samples: ClassVar[int] = 0
    needs_head: ClassVar[bool] = False
    most: ClassVar[int] = 20_000

    @property
    def name(self) -> str:
        """The plug-in's name: its file's."""
        return type(self).__module__.rsplit(".", 1)[-1]

    def at(self, situation: Situation) -> "Strategy":  # noqa: ARG002 - most rank in every situation
        """The strategy that ranks in this situation; itself, unless it gives way to another."""
        return self

    @abstractmethod
    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The n best rows of the pool, or all if it has fewer."""

    @abstractmethod
    def reason(self, score: float, likely: tuple[str, ...]) -> Reason | str:
        """Why an item with this score is asked: a kind of reason that the page can say in its languages, or a few
        words of the strategy's own, shown as they stand.

        `likely` names the classes between which the model is undecided: two of exclusive classes, the most
        probable first; else the one class nearest to even; none without a model.
        """


def best(scores: FloatArray, n: int) -> Ranking:
    """The n rows with the highest scores; equal scores in the order of rows, so that a ranking never depends
    on luck. Items without units (−∞) come last, with the lowest score of the others.
    """
    n = min(n, len(scores))
    if n < len(scores):  # one pass over a large pool instead of a sort, ties at the border included
        border = np.partition(scores, len(scores) - n)[len(scores) - n] if n else np.inf
        candidates = np.flatnonzero(scores >= border)
    else:
        candidates = np.arange(len(scores))
    rows = candidates[np.argsort(-scores[candidates], kind="stable")][:n]
    ranked = scores[rows]
    known = ranked[np.isfinite(ranked)]
    return Ranking(rows, np.maximum(ranked, known[-1] if len(known) else 0.0))
