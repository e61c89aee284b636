"""Squared distances in blocks of bounded size, and k-means++ seeding that looks at few of them."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray, IntArray

# Numbers in a block of distances, 16 MB of float32, and rows of it: computed at a time, whatever the pool's size.
BLOCK, BLOCK_ROWS = 4_000_000, 8_192
# Two points count as one where their squared distance is below this share of their squared norms: what float32 leaves
# of ‖x‖² + ‖y‖² − 2x·y for twins is up to 1e-6 of it, and a strategy that believes it asks the same item twice.
TWINS = 2e-6
# Seeding draws so many rows at once: more are wasted when points are chosen near each other, fewer cost more passes.
DRAWS = 48


class Squared(Protocol):
    """A geometry: squared distances [r, c] between rows and other rows of n points."""

    def __call__(self, rows: IntArray | slice, others: IntArray) -> FloatArray:
        """Not below 0; exactly 0 between twins."""


def squared_norms(x: FloatArray) -> npt.NDArray[np.float32]:
    """‖x‖² of each row [n]."""
    return np.asarray(np.einsum("ij,ij->i", x, x), np.float32)


def squared(x: FloatArray, y: FloatArray, xx: FloatArray, yy: FloatArray) -> npt.NDArray[np.float32]:
    """‖x − y‖² = ‖x‖² + ‖y‖² − 2x·y, [n, m] in float32, from the rows and their squared norms; 0 between twins."""
    return without_twins(xx[:, None] + yy, x @ y.T)


def without_twins(norms: FloatArray, products: FloatArray) -> npt.NDArray[np.float32]:
    """norms − 2 · products, computed in the place of products; 0 where that is nothing but rounding."""
    products *= -2
    products += norms
    norms *= TWINS
    products[products < norms] = 0
    return np.asarray(products, np.float32)


def blocks(n: int, width: int) -> Iterator[slice]:
    """The rows 0 … n − 1 in slices, of which each times the width is a block at most."""
    step = max(min(BLOCK // max(width, 1), BLOCK_ROWS), 1)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def euclidean(x: FloatArray) -> Squared:
    """The geometry of the rows of x [n, d]."""
    norms = squared_norms(x)

    def between(rows: IntArray | slice, others: IntArray) -> FloatArray:
        return squared(x[rows], x[others], norms[rows], norms[others])

    return between


def lower(nearest: FloatArray, geometry: Squared, others: IntArray) -> None:
    """nearest [n] = min(nearest, squared distance to the others), block by block; the others themselves become 0."""
    for part in blocks(len(nearest), len(others)):
        nearest[part] = np.minimum(nearest[part], geometry(part, others).min(axis=1))
    nearest[others] = 0


def spread(
    geometry: Squared, weights: FloatArray, first: int, count: int, rng: np.random.Generator
) -> tuple[IntArray, npt.NDArray[Any]]:
    """k-means++ seeding: the first row, then each drawn with probability ∝ wᵢDᵢ², and the D² that each was drawn at.

    D²ᵢ is the squared distance to the nearest row chosen before; the first has that of the farthest row from it. Fewer
    than count where every other row is the twin of a chosen one. Arthur & Vassilvitskii, "k-means++: the advantages of
    careful seeding", SODA 2007.

    Draws are made from upper bounds Uᵢ ≥ D²ᵢ and kept with probability D²ᵢ / Uᵢ, which is exactly a draw ∝ wᵢD²ᵢ.
    The bounds of all rows are renewed, for all new centres in one product, only when half the draws are thrown away:
    the cost is that of a few products [n, d] · [d, c], not of reading the pool once a centre.
    """
    upper = np.full(len(weights), np.inf, np.float32)
    lower(upper, geometry, np.array([first]))
    chosen, at, known = [first], [float(upper.max(initial=0))], 1
    while len(chosen) < count:
        mass = np.cumsum(weights * upper, dtype=np.float64)
        if not mass[-1] > 0:
            break
        drawn = np.searchsorted(mass, rng.random(DRAWS) * mass[-1], side="right").clip(max=len(mass) - 1)
        kept = _kept(geometry, drawn, upper[drawn], np.array(chosen[known:], np.int64), rng)[: count - len(chosen)]
        chosen += [row for row, _ in kept]
        at += [distance for _, distance in kept]
        if len(kept) < DRAWS / 2 and len(chosen) < count:
            lower(upper, geometry, np.array(chosen[known:], np.int64))
            known = len(chosen)
    return np.array(chosen, np.int64), np.array(at)


def _kept(
    geometry: Squared, drawn: IntArray, upper: FloatArray, unseen: IntArray, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Which of the drawn rows stand, in turn, each with its true D² to the centres and to those kept before it."""
    true = np.minimum(upper, geometry(drawn, unseen).min(axis=1, initial=np.inf))
    between = geometry(drawn, drawn)
    coins = rng.random(len(drawn))
    kept = []
    for i, row in enumerate(drawn.tolist()):
        if coins[i] * upper[i] < true[i]:
            kept.append((row, float(true[i])))
            true = np.minimum(true, between[i])
            true[drawn == row] = 0
    return kept
