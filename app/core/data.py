"""What learning reads: features on disk or in memory, and the pool that a strategy ranks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

# Rows read at a time: 65,536 × 384 float32 is 100 MB, so that a pool may be larger than memory.
BLOCK_ROWS = 65_536


class Features(Protocol):
    """The encoded items of a project, by row."""

    @property
    def rows(self) -> int:
        """How many items are encoded: rows 0 … rows − 1."""

    @property
    def dimensions(self) -> int:
        """The width d of a row."""

    def shards(self) -> Iterator[tuple[int, FloatArray]]:
        """The whole pool in order, as (first row, block)."""

    def take(self, rows: IntArray) -> FloatArray:
        """These rows, in the order asked for, as a copy."""


class ArrayFeatures:
    """Features that are in memory already."""

    def __init__(self, array: FloatArray) -> None:
        self.array = np.asarray(array, np.float32)
        self.rows: int = self.array.shape[0]
        self.dimensions: int = self.array.shape[1]

    def shards(self) -> Iterator[tuple[int, FloatArray]]:
        """The array in blocks."""
        for start in range(0, self.rows, BLOCK_ROWS):
            yield start, self.array[start : start + BLOCK_ROWS]

    def take(self, rows: IntArray) -> FloatArray:
        """These rows, copied."""
        taken: FloatArray = self.array[rows]
        return taken


class ShardedFeatures:
    """Features in .npy files, (first row, end row, path) each, contiguous from row 0; mapped, never read
    whole.
    """

    def __init__(self, shards: list[tuple[int, int, Path]]) -> None:
        ends = [0, *(end for _, end, _ in shards)]
        if [start for start, _, _ in shards] != ends[:-1]:
            raise ValueError("the shards must follow each other from row 0 on, without gaps")
        self._shards = shards
        self._ends = np.array(ends[1:], np.int64)
        self.rows: int = ends[-1]
        self.dimensions: int = _open(shards[0]).shape[1] if shards else 0

    def shards(self) -> Iterator[tuple[int, FloatArray]]:
        """Every file in turn, in blocks."""
        for shard in self._shards:
            mapped = _open(shard)
            for offset in range(0, len(mapped), BLOCK_ROWS):
                # A copy: torch takes no array that cannot be written to, and a mapped file is one.
                yield shard[0] + offset, np.array(mapped[offset : offset + BLOCK_ROWS], np.float32)

    def take(self, rows: IntArray) -> FloatArray:
        """These rows, copied; each file is opened once, and read in its own order."""
        wanted = np.asarray(rows, np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= self.rows):
            raise IndexError(f"rows outside 0 … {self.rows - 1}")
        taken = np.empty((len(wanted), self.dimensions), np.float32)
        files = np.searchsorted(self._ends, wanted, side="right")
        for file in np.unique(files):
            places = np.flatnonzero(files == file)
            places = places[np.argsort(wanted[places], kind="stable")]
            taken[places] = _open(self._shards[file])[wanted[places] - self._shards[file][0]]
        return taken


def _open(shard: tuple[int, int, Path]) -> npt.NDArray[np.float32]:
    start, end, path = shard
    mapped: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    if mapped.ndim != 2 or len(mapped) != end - start:
        raise ValueError(f"{path.name} holds {mapped.shape}, not {end - start} rows")
    return mapped


@dataclass(frozen=True)
class Pool:
    """What a strategy sees of the candidates, in one numbering of its own: rows 0 … n − 1.

    features [n, d]: of a strategy that needs a model the learner's embedding of the items, else the encoder's features.
    probabilities [u, C] of units (no rows when there is no model yet); owner [u], the row that each unit belongs to.
    held [m, d]: the features of items that are labelled or in somebody's hands.
    samples [k, u, C]: the units' probabilities by k draws of the model, for a strategy that states `needs_samples`.
    head [h + 1, K]: the model's last layer, bias last, and inputs [r, h] what it is applied to, so that inputs @ head
    are the logits: of exclusive classes r = u and K = C, else r·K = u and each logit is a unit's z of yes against 0 of
    no. For a strategy that states `needs_head`; None where the learner has no such layer.
    reducer: how an item's score comes of its units' scores, "max" or "mean".
    """

    features: FloatArray
    probabilities: FloatArray
    owner: IntArray
    held: FloatArray
    samples: FloatArray | None = None
    head: FloatArray | None = None
    inputs: FloatArray | None = None
    reducer: str = "max"

    def __post_init__(self) -> None:
        if len(self.owner) != len(self.probabilities):
            raise ValueError("every unit needs an owner")
        for name in ("features", "probabilities", "held", "samples", "head", "inputs"):
            # A NaN would sort to an end of the queue and stay there, unseen.
            array = getattr(self, name)
            if array is not None and not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite")

    @property
    def n(self) -> int:
        """The number of candidates."""
        return len(self.features)

    def per_item(self, unit_scores: FloatArray) -> FloatArray:
        """The score of an item [n]: its units' highest or mean score, as the reducer says; −inf without units."""
        if len(unit_scores) == self.n and np.array_equal(self.owner, np.arange(self.n)):
            return np.asarray(unit_scores, np.float64)
        if self.reducer == "mean":
            count = np.bincount(self.owner, minlength=self.n)
            total = np.bincount(self.owner, weights=unit_scores, minlength=self.n)
            return np.where(count > 0, total / np.maximum(count, 1), -np.inf)
        scores = np.full(self.n, -np.inf)
        np.maximum.at(scores, self.owner, unit_scores)
        return scores
