"""The strategy `uherding`: doubtful items that stand for many doubtful ones, from the first labels to the last."""

from dataclasses import dataclass, field

import numpy as np

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best
from app.core.strategies._distances import squared_norms
from app.core.strategies._herding import covered, directions, herd, kernel
from app.core.strategies.margin import uncertainty

WIDEST, NARROWEST = 1.0, 0.2  # of the kernel, on features of unit length, whose distances are 0 to 2
LEAST = 0.03  # of the pool, chosen from however many labels there are
MEASURED = 500  # labelled items from which the kernel's width is read


@dataclass(frozen=True)
class Uherding(Strategy):
    """Doubtful items that stand for many doubtful items which no labelled item resembles.

    Uncertainty herding: greedily add the item c with the highest gain Σ_a u_a [k(a, c) − cover_a]₊ / Σ_a u_a over
    anchors a, which stand for the pool; u_a = 1 − (p₍₁₎ − p₍₂₎) is the model's doubt of a, cover_a the kernel of a with
    the nearest item that is labelled, held or chosen before, k(x, y) = exp(−‖x − y‖² / σ²) on centred features of unit
    length. σ is the median distance of a labelled item to the nearest other one, so that it shrinks while labels grow:
    few labels ask for what is typical, many for what is doubtful. With u = 1 it is `maxherding`. Bae, Oliveira &
    Sutherland, "Uncertainty herding: one active learning method for all label budgets", ICLR 2025.

    Ours: only the most doubtful t/3 of the pool are chosen from, and σ is times √t, at least ½; t = min(1, 5C / L) with
    C classes and L labels. Without it the last labels still go to what is like many, and 99 % of the accuracy that all
    labels give comes later. For the same reason an item c covers others by √(u_c / max u) times the kernel: an answer
    that the model nearly knows tells it little of them.

    Cost: anchors × candidates × d for the kernel, whatever the pool's size; anchors of a larger pool are drawn in
    proportion to their doubt and then weigh the same.
    """

    anchors: int = field(default=2000, metadata={"help": "Items that stand for the pool", "low": 1, "high": 20000})
    candidates: int = field(
        default=2000, metadata={"help": "Items looked at, the most doubtful ones", "low": 1, "high": 20000}
    )
    share: float = field(
        default=0.33, metadata={"help": "Share of the pool that is chosen from, at first", "low": 0, "high": 1}
    )

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is its gain when it was chosen: the share of the pool's doubt that it newly covers."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        doubt = np.maximum(pool.per_item(uncertainty(pool.probabilities)), 1e-6)
        early = _earliness(pool)
        wanted = max(5 * n, int(max(self.share * early, LEAST) * pool.n))
        candidates = best(doubt, min(wanted, max(self.candidates, n))).rows
        anchors, weights = self._anchors(doubt, rng)
        mean = pool.features.mean(axis=0)
        at, to, held = (directions(x, mean) for x in (pool.features[anchors], pool.features[candidates], pool.held))
        width = _width(held, rng) * max(0.5, early**0.5)
        reach = np.sqrt(doubt[candidates] / doubt.max())
        rows, gains, _ = herd(kernel(to, at, width, reach), covered(at, held, width), weights, n)
        return Ranking(candidates[rows], gains)

    def _anchors(self, doubt: FloatArray, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
        """Rows that stand for the pool's doubt, and their weights, which sum to 1."""
        if len(doubt) <= self.anchors:
            return np.arange(len(doubt)), np.asarray(doubt / doubt.sum(), np.float32)
        keys = np.log(doubt) + rng.gumbel(size=len(doubt))  # the highest keys: drawn ∝ doubt without replacement
        return best(keys, self.anchors).rows, np.full(self.anchors, 1 / self.anchors, np.float32)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - the gain says nothing to people
        """Which classes are meant."""
        return Reason("hesitates_around", likely)


def _earliness(pool: Pool) -> float:
    """t = min(1, 5C / L): 1 until there are five labels a class, and falling from then on."""
    classes = max(pool.probabilities.shape[1], len(pool.probabilities) // max(pool.n, 1))
    return float(min(1.0, 5 * classes / max(len(pool.held), 1)))


def _width(held: FloatArray, rng: np.random.Generator) -> float:
    """The median distance of a labelled item [m, d] to the nearest other one, within bounds."""
    if len(held) < 2:
        return WIDEST
    chosen = np.sort(rng.choice(len(held), min(MEASURED, len(held)), replace=False))
    half = squared_norms(held) / 2
    nearness = held[chosen] @ held.T - half
    nearness[np.arange(len(chosen)), chosen] = -np.inf
    squared = np.maximum(2 * (half[chosen] - nearness.max(axis=1)), 0)
    return float(np.clip(np.median(np.sqrt(squared)), NARROWEST, WIDEST))
