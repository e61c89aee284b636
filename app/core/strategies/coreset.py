"""The strategy `coreset`: always the item farthest from all that is labelled, leased or chosen."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._distances import blocks, squared, squared_norms

# Every row is compared with so many of what is held; with the rest only where it may be the farthest.
FIRST = 64


@dataclass(frozen=True)
class Coreset(Strategy):
    """Items far from everything labelled: the pool is covered by balls of the smallest radius.

    k-center greedy: choose the row with the greatest D = min ‖x − c‖ over the centres c, which are the items that are
    labelled or in somebody's hands and the rows chosen before; with nothing held, first the row nearest to the mean.
    The radius is at most twice the best possible. Sener & Savarese, "Active learning for convolutional neural networks:
    a core-set approach", ICLR 2018. It reads no labels and likes outliers: at few labels it may be worse than chance.

    Exact but lazy: D only falls as centres come, so that a row whose D was the greatest when it was last looked at, and
    is still after a second look, is the greatest of all. Plain greedy costs n·(L + m)·d multiplications for L items
    held and m asked; this n·64·d, and the rest only for rows near the top. Memory 12 bytes a row, and a block.
    """

    needs_model: ClassVar[bool] = False

    chosen: int = field(
        default=1000,
        metadata={"help": "Items chosen one by one; the rest come by their distance", "low": 1, "high": 10000},
    )

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is its D as it was chosen; of the first with nothing held, that of the second."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        cover = _Cover(pool.features, pool.held[rng.permutation(len(pool.held))], min(n, self.chosen))
        rows, squares = _greedy(cover, min(n, self.chosen))
        if len(rows) < n:
            rest = np.flatnonzero(cover.upper >= 0)
            cover.look(rest)
            rest = rest[np.argsort(-cover.upper[rest], kind="stable")]
            rows, squares = np.concatenate([rows, rest])[:n], np.concatenate([squares, cover.upper[rest]])[:n]
        if not len(pool.held):
            squares[0] = squares[1] if n > 1 else 0
        return Ranking(rows, np.sqrt(squares, dtype=np.float64))

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - classes play no part
        """That it is unlike what is known."""
        return Reason("unlike" if score > 0 else "like_asked")


def _greedy(cover: "_Cover", count: int) -> tuple[IntArray, FloatArray]:
    """At most count rows, each the farthest in its turn, and its squared distance; twins of a centre are left."""
    rows: list[int] = []
    squares: list[float] = []
    if not cover.known:
        rows.append(_middle(cover.x))
        squares.append(0)
        cover.add(rows[0])
    cover.look_at_all()
    while len(rows) < count:
        row = cover.farthest()
        if not cover.upper[row] > 0:
            break
        rows.append(row)
        squares.append(float(cover.upper[row]))
        cover.add(row)
    return np.array(rows, np.int64), np.array(squares)


def _middle(x: FloatArray) -> int:
    """The row nearest to the mean."""
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    return int(np.concatenate([squared_norms(x[part] - mean) for part in blocks(len(x), 1)]).argmin())


class _Cover:
    """Upper bounds of each row's squared distance to the nearest centre, true where it matters; −1 of a chosen row."""

    def __init__(self, features: FloatArray, held: FloatArray, count: int) -> None:
        self.x = np.asarray(features, np.float32)
        self.norms = squared_norms(self.x)
        self.upper = np.full(len(self.x), np.inf, np.float32)
        self.seen = np.zeros(len(self.x), np.int32)  # how many of the centres the bound has seen
        self.centres = np.empty((len(held) + count, self.x.shape[1]), np.float32)
        if len(held):
            self.centres[: len(held)] = held
        self.known = len(held)
        # Fewer would be looked at in vain, but in more products; each makes its threads wait for each other.
        self.batch = min(max(len(self.x) // 128, 64), 8192, len(self.x))

    def add(self, row: int) -> None:
        """Make a row a centre."""
        self.centres[self.known] = self.x[row]
        self.known += 1
        self.upper[row] = -1

    def farthest(self) -> int:
        """The row farthest from all centres, the first of equals; −1 stands for none."""
        while True:
            row = int(self.upper.argmax())
            if self.seen[row] == self.known or self.upper[row] <= 0:
                return row
            # The highest bounds are looked at together: one product serves them all, and one of them is next.
            # The row itself is added, for with many twins at the top the batch may leave it out for ever.
            self.look(np.append(np.argpartition(self.upper, -self.batch)[-self.batch :], row))

    def look_at_all(self) -> None:
        """Bounds for every row, from the first few centres."""
        few = min(self.known, FIRST)
        for part in blocks(len(self.x), few):
            self._lower(part, 0, few)

    def look(self, rows: IntArray) -> None:
        """Make the bounds of these rows true."""
        rows = np.unique(rows[self.seen[rows] < self.known])  # one twice, in two blocks, would be known in the second
        new = self.seen[rows] <= FIRST
        for group in (rows[new], rows[~new]):  # apart, or one row that saw few centres would have all compared again
            for part in blocks(len(group), self.known):
                some = group[part]
                self._lower(some, int(self.seen[some].min()), self.known)

    def _lower(self, rows: IntArray | slice, start: int, end: int) -> None:
        centres = self.centres[start:end]
        distances = squared(self.x[rows], centres, self.norms[rows], squared_norms(centres)).min(axis=1)
        self.upper[rows] = np.minimum(self.upper[rows], distances)
        self.seen[rows] = end
