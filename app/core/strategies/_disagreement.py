"""The least disagree metric: how little of the pool a model must change its mind about to change it about an item."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.data import BoolArray, FloatArray, IntArray, Pool
from app.core.strategies import Ranking, best
from app.core.strategies.margin import uncertainty

# ρ is counted on so many rows, and the item itself: a ρ of 0 would say of a change that flips it that it is none.
SAMPLE = 1_000
# Multiplications of all draws together, about a second on a core: with very many classes there are fewer draws, down
# to so many.
BUDGET, FEWEST = 2e10, 20


@dataclass(frozen=True)
class Flippable:
    """doubt [n], 1 − margin of each item; rows, the most doubtful, most first; ldm, of these, above 0 and at most 1."""

    doubt: FloatArray
    rows: IntArray
    ldm: FloatArray


def flippable(pool: Pool, candidates: int, draws: int, rng: np.random.Generator) -> Flippable:
    """The LDM of the most doubtful items; of one with several units the least or the mean, as the pool's reducer says.

    LDM(x) = min ρ(h, h′) over changed models h′ with h′(x) ≠ h(x); ρ(h, h′) = P[h(X) ≠ h′(X)]; h′ is h with σE added to
    its last layer, E of independent standard normal numbers, σ > 0. Raises ValueError where the learner has none.
    """
    doubt = np.maximum(pool.per_item(uncertainty(pool.probabilities)), 0)  # −inf: an item without units
    rows = best(doubt, candidates).rows
    if pool.head is None or pool.inputs is None:
        raise ValueError("the least disagree metric needs a learner with a last layer: linear or mlp")
    if not len(pool.inputs):
        return Flippable(doubt, rows, np.ones(len(rows)))
    marked = np.zeros(pool.n, bool)
    marked[rows] = True
    questions = len(pool.owner) // max(len(pool.inputs), 1)  # of a row of inputs
    looked = np.flatnonzero(marked[pool.owner[::questions]]) if questions else np.empty(0, np.int64)
    sample = rng.permutation(len(pool.inputs))[:SAMPLE]
    x = np.concatenate([pool.inputs[sample], pool.inputs[looked]]).astype(np.float32)
    beside = ~np.isin(looked, sample)
    least = _least(x, beside, np.asarray(pool.head, np.float32), questions == 1 and _exclusive(pool), draws, rng)
    units = np.full((len(pool.inputs), questions), -1.0)
    units[looked] = 1 - least
    ldm = 1 - pool.per_item(units.ravel())[rows]
    return Flippable(doubt, rows, np.minimum(ldm, 1))


def ranking(looked: Flippable, first: IntArray, n: int) -> Ranking:
    """n rows: those at the places `first` of looked.rows, the others looked at by their LDM, and the rest by margin.

    A score is 1 − LDM, of the rest 1 − margin, and never more than one before it.
    """
    places = np.argsort(looked.ldm, kind="stable")
    places = np.concatenate([first, places[~np.isin(places, first)]])
    rest = best(looked.doubt, n).rows[len(places) :]
    scores = np.concatenate([1 - looked.ldm[places], looked.doubt[rest]])
    return Ranking(np.concatenate([looked.rows[places], rest])[:n], np.minimum.accumulate(scores)[:n])


def _exclusive(pool: Pool) -> bool:
    return pool.head is not None and pool.head.shape[1] == pool.probabilities.shape[1]


def _least(
    x: FloatArray, beside: BoolArray, head: FloatArray, exclusive: bool, draws: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The least ρ at which each of the last rows flips, by question [r, q]; it is counted on the rows before them, and
    on the row itself where it is `beside` them [r] and not one of them.

    Along one E an answer that has flipped stays so as σ grows, and ρ only grows. So the least ρ along it is that at
    the very σ at which x flips, which is known from the logits: one draw of E stands for every σ, where the paper's
    algorithm draws at least ten for each of some fifty.
    """
    flips = _flips(x @ head[:-1] + head[-1], exclusive)
    draws = max(min(draws, int(BUDGET / (x.size * head.shape[1]))), min(draws, FEWEST))
    sampled = len(x) - len(beside)
    least = np.ones((len(beside), 1 if exclusive else head.shape[1]))
    for _ in range(draws):
        noise = rng.standard_normal(head.shape, np.float32)
        speed = flips(x @ noise[:-1] + noise[-1])
        for q, (known, asked) in enumerate(zip(speed[:sampled].T, speed[sampled:].T, strict=True)):
            before = sampled - np.searchsorted(np.sort(known), asked)
            # At least itself: a row of the sample may come out a rounding faster than its twin there, and a ρ of 0
            # would be divided by.
            flipped = np.maximum(before + beside, 1)
            least[:, q] = np.minimum(least[:, q], np.where(asked > 0, flipped / (sampled + beside), 1))
    return least


def _flips(logits: FloatArray, exclusive: bool) -> Callable[[FloatArray], FloatArray]:
    """From what σ = 1 adds to the logits [r, K] to 1 / σ at which each answer flips [r, q]; not above 0 where never."""
    if not exclusive:  # z of yes against 0 of no
        inverse = -np.sign(logits) / np.maximum(np.abs(logits), 1e-12)
        return lambda added: added * inverse
    rows, top = np.arange(len(logits)), logits.argmax(axis=1)
    inverse = 1 / np.maximum(logits[rows, top, None] - logits, 1e-12)
    inverse[rows, top] = 0

    def speed(added: FloatArray) -> FloatArray:
        added = added - added[rows, top, None]
        added *= inverse
        return np.asarray(added.max(axis=1, keepdims=True))

    return speed
