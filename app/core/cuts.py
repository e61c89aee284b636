"""Cuts: how items fall into pieces. A piece is what a row of features stands for: a whole item, or one of its words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
NOWHERE = np.empty((0, 2), np.int32)


class Cuts:
    """The pieces of n items, numbered item by item; without offsets each item is one piece.

    offsets [n + 1]: the pieces of item i are offsets[i] … offsets[i + 1] − 1. bounds [pieces, 2]: where in its item
    each piece begins and ends, in code points; empty where items are whole.
    """

    def __init__(self, rows: int, offsets: Ints | None = None, bounds: Ints = NOWHERE) -> None:
        if offsets is not None and (len(offsets) != rows + 1 or len(bounds) != offsets[-1]):
            raise ValueError(f"{len(offsets) - 1} items and {len(bounds)} pieces do not fit {rows} items")
        self.rows = rows
        self.bounds = bounds
        self._offsets = offsets

    @classmethod
    def of_items(cls, bounds: Sequence[Ints]) -> "Cuts":
        """The cuts of items of which each has these bounds [u, 2]."""
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in bounds], dtype=np.int64)])
        return cls(len(bounds), offsets, np.concatenate([NOWHERE, *bounds]))

    @property
    def is_whole(self) -> bool:
        """Whether each item is one piece by nature."""
        return self._offsets is None

    @property
    def offsets(self) -> Ints:
        """See the class."""
        return np.arange(self.rows + 1) if self._offsets is None else self._offsets

    @property
    def pieces(self) -> int:
        """How many there are."""
        return self.rows if self._offsets is None else int(self._offsets[-1])

    @property
    def lengths(self) -> Ints:
        """The pieces of each item [n]."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> Ints:
        """The item of each piece [pieces]."""
        return np.repeat(np.arange(self.rows), self.lengths)

    def of(self, rows: Ints) -> Ints:
        """The pieces of these items, item by item, in the order asked for."""
        rows = np.asarray(rows, np.int64)
        if self._offsets is None:
            return rows
        starts, lengths = self._offsets[rows], self._offsets[rows + 1] - self._offsets[rows]
        before = np.cumsum(lengths) - lengths
        return np.asarray(np.repeat(starts - before, lengths) + np.arange(lengths.sum()), np.int64)

    def some(self, rows: Ints) -> "Cuts":
        """The cuts of these items, numbered anew from 0."""
        rows = np.asarray(rows, np.int64)
        if self._offsets is None:
            return Cuts(len(rows))
        lengths = self._offsets[rows + 1] - self._offsets[rows]
        return Cuts(len(rows), np.concatenate([[0], np.cumsum(lengths)]), self.bounds[self.of(rows)])

    def part(self, row: int) -> slice:
        """The pieces of one item."""
        if self._offsets is None:
            return slice(row, row + 1)
        return slice(int(self._offsets[row]), int(self._offsets[row + 1]))

    def all(self, flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which items [n] have the flag on all of their pieces."""
        if self._offsets is None:
            return flags
        return np.asarray(np.bincount(self.owner[~flags], minlength=self.rows) == 0)

    def means(self, values: Any) -> Any:
        """The mean over each item's pieces [n, …] of values [pieces, …]; 0 for an item without any."""
        if self._offsets is None:
            return values
        sums = np.zeros((self.rows, *values.shape[1:]), values.dtype)
        filled = self.lengths > 0
        if filled.any():
            sums[filled] = np.add.reduceat(values, self._offsets[:-1][filled], axis=0)
        return sums / np.maximum(self.lengths, 1).reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)

    def highest(self, values: Any) -> Any:
        """The highest over each item's pieces [n] of values [pieces]; 0 for an item without any."""
        if self._offsets is None:
            return values
        found = np.zeros(self.rows, values.dtype)
        filled = self.lengths > 0
        if filled.any():
            found[filled] = np.maximum.reduceat(values, self._offsets[:-1][filled])
        return found
