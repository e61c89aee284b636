"""The strategy `margin`: where the best two answers are nearest to each other."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best

# Beyond so many classes a pass a row is faster than rounds of a tournament between classes, up to that slower.
MANY_CLASSES = 128
# Numbers looked at together: about as many as a core's own cache holds, with what is made of them.
BLOCK = 1 << 16


@dataclass(frozen=True)
class Margin(Strategy):
    """Items between whose two best classes the model hesitates most.

    score = 1 − (p₍₁₎ − p₍₂₎), the highest (or the mean, as the task says) over an item's units; p₍₁₎ ≥ p₍₂₎ are a
    unit's two largest probabilities. Cost O(u C) for u units and C classes. Scheffer, Decomain & Wrobel, "Active
    hidden Markov models for information extraction", IDA 2001; the mean over a sequence's units is its token margin.
    """

    needs_features: ClassVar[bool] = False

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:  # noqa: ARG002 - no draws
        """The smallest margins first."""
        return best(pool.per_item(uncertainty(pool.probabilities)), n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - the classes say it
        """Which classes are meant."""
        return Reason("hesitates", likely)


def uncertainty(probabilities: FloatArray) -> FloatArray:
    """1 − (p₍₁₎ − p₍₂₎) of each row [u, C]; 0 where there is but one class. With two classes it is 1 − |2p −
    1|.
    """
    units, classes = probabilities.shape
    if classes < 2:
        return np.zeros(units)
    gaps = np.empty(units, probabilities.dtype)
    gap = _gap_by_rounds if classes <= MANY_CLASSES else _gap_by_rows
    step = max(1, BLOCK // classes)
    for start in range(0, units, step):
        gaps[start : start + step] = gap(probabilities[start : start + step])
    # In double precision, for 1 − gap in single precision makes ties of what the gap tells apart.
    return np.asarray(1 - gaps.astype(np.float64))


def _gap_by_rounds(block: FloatArray) -> FloatArray:
    """p₍₁₎ − p₍₂₎ of each row, as a tournament finds them: each round halves the classes, for all rows at once."""
    columns = np.ascontiguousarray(block.T)
    half = len(columns) // 2
    first, second = (of(columns[:half], columns[half : 2 * half]) for of in (np.maximum, np.minimum))
    if len(columns) % 2:
        _meet(first[:1], second[:1], columns[-1:])
    while len(first) > 1:
        odd, half = len(first) % 2, len(first) // 2
        ours, theirs = slice(0, half), slice(half, 2 * half)
        np.maximum(second[ours], second[theirs], out=second[ours])
        _meet(first[ours], second[ours], first[theirs])
        if odd:
            _meet(first[:1], second[:1], first[-1:])
            np.maximum(second[:1], second[-1:], out=second[:1])
        first, second = first[ours], second[ours]
    return np.asarray(first[0] - second[0])


def _meet(first: FloatArray, second: FloatArray, others: FloatArray) -> None:
    """The two highest numbers so far, in place, of those and the others; the others come out unchanged."""
    np.maximum(second, np.minimum(first, others), out=second)
    np.maximum(first, others, out=first)


def _gap_by_rows(block: FloatArray) -> FloatArray:
    others = block.copy()
    place = np.arange(len(block)), block.argmax(axis=1)
    others[place] = -1
    return np.asarray(block[place] - others.max(axis=1))
