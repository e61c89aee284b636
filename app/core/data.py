"""What learning reads: features on disk or in memory, and the pool that a strategy ranks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from app.core.cuts import Cuts

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

# Rows read at a time: 65,536 × 384 float32 is 100 MB, so that a pool may be larger than memory.
BLOCK_ROWS = 65_536


class Features(Protocol):
    """The encoded items of a project, by row; of items that are cut into pieces a row of features is a piece."""

    @property
    def rows(self) -> int:
        """How many items are encoded: rows 0 … rows − 1."""

    @property
    def dimensions(self) -> int:
        """The width d of a row."""

    @property
    def cuts(self) -> Cuts:
        """How the items fall into pieces."""

    def shards(self) -> Iterator[tuple[int, FloatArray]]:
        """The whole pool in order, as (first piece, block)."""

    def take(self, pieces: IntArray) -> FloatArray:
        """These pieces, in the order asked for, as a copy."""


class ArrayFeatures:
    """Features that are in memory already."""

    def __init__(self, array: FloatArray, cuts: Cuts | None = None) -> None:
        self.array = np.asarray(array, np.float32)
        self.cuts = cuts or Cuts(len(array))
        self.rows: int = self.cuts.rows
        self.dimensions: int = self.array.shape[1]

    def shards(self) -> Iterator[tuple[int, FloatArray]]:
        """The array in blocks."""
        for start in range(0, len(self.array), BLOCK_ROWS):
            yield start, self.array[start : start + BLOCK_ROWS]

    def __len__(self) -> int:
        return self.rows

    def take(self, pieces: IntArray) -> FloatArray:
        """These pieces, copied."""
        taken: FloatArray = self.array[pieces]
        return taken


class ShardedFeatures:
    """Features in .npy files, (first row, end row, path) each, contiguous from row 0; mapped, never read
    whole. Of items that are cut, `cuts_path` of each holds (item within the file, begin, end) of each piece.
    """

    def __init__(self, shards: list[tuple[int, int, Path]]) -> None:
        ends = [0, *(end for _, end, _ in shards)]
        if [start for start, _, _ in shards] != ends[:-1]:
            raise ValueError("the shards must follow each other from row 0 on, without gaps")
        self._files = [path for _, _, path in shards]
        self.cuts = _read_cuts(shards)
        self._ends = self.cuts.offsets[ends[1:]] if shards else np.empty(0, np.int64)
        self._starts = [0, *self._ends.tolist()][:-1]
        self.rows: int = ends[-1]
        self.dimensions: int = self._open(0).shape[1] if shards else 0

    def _open(self, file: int) -> npt.NDArray[np.float32]:
        mapped: npt.NDArray[np.float32] = np.load(self._files[file], mmap_mode="r", allow_pickle=False)
        wanted = self._ends[file] - self._starts[file]
        if mapped.ndim != 2 or len(mapped) != wanted:
            raise ValueError(f"{self._files[file].name} holds {mapped.shape}, not {wanted} rows")
        return mapped

    def shards(self) -> Iterator[tuple[int, FloatArray]]:
        """Every file in turn, in blocks."""
        for file, start in enumerate(self._starts):
            mapped = self._open(file)
            for offset in range(0, len(mapped), BLOCK_ROWS):
                # A copy: torch takes no array that cannot be written to, and a mapped file is one.
                yield start + offset, np.array(mapped[offset : offset + BLOCK_ROWS], np.float32)

    def take(self, pieces: IntArray) -> FloatArray:
        """These pieces, copied; each file is opened once, and read in its own order."""
        wanted = np.asarray(pieces, np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= self.cuts.pieces):
            raise IndexError(f"rows outside 0 … {self.cuts.pieces - 1}")
        taken = np.empty((len(wanted), self.dimensions), np.float32)
        files = np.searchsorted(self._ends, wanted, side="right")
        for file in np.unique(files):
            places = np.flatnonzero(files == file)
            places = places[np.argsort(wanted[places], kind="stable")]
            taken[places] = self._open(file)[wanted[places] - self._starts[file]]
        return taken


def cuts_path(path: Path) -> Path:
    """Where the cuts of a shard's items lie: beside it."""
    return path.with_suffix(".cuts.npy")


def cuts_array(cuts: Cuts) -> npt.NDArray[np.int32]:
    """Cuts as they lie on disk: (item, begin, end) of each piece."""
    return np.concatenate([cuts.owner[:, None], cuts.bounds], axis=1).astype(np.int32)


def cuts_of(array: npt.NDArray[np.int32], rows: int) -> Cuts:
    """The cuts of so many items that were written so."""
    offsets = np.concatenate([[0], np.cumsum(np.bincount(array[:, 0], minlength=rows))])
    return Cuts(rows, offsets, array[:, 1:])


def some_of(features: Features, rows: IntArray) -> ArrayFeatures:
    """The features of these items, in memory, numbered anew from 0."""
    return ArrayFeatures(features.take(features.cuts.of(rows)), features.cuts.some(rows))


def _read_cuts(shards: list[tuple[int, int, Path]]) -> Cuts:
    rows = shards[-1][1] if shards else 0
    if not shards or not cuts_path(shards[0][2]).exists():
        return Cuts(rows)
    parts = [np.load(cuts_path(path), allow_pickle=False) + np.array([start, 0, 0]) for start, _, path in shards]
    return cuts_of(np.concatenate(parts).astype(np.int32), rows)


def of_items(
    features: Features, rows: IntArray, change: Callable[[FloatArray], FloatArray] | None = None
) -> FloatArray:
    """The features of whole items [n, d]: the mean over the pieces of one that is cut, each piece changed before."""
    cuts = features.cuts.some(rows)
    if cuts.is_whole:
        x = features.take(rows)
        return change(x) if change else x
    parts: list[FloatArray] = []
    start = 0
    while start < len(rows) or not parts:  # so many items at a time as have few pieces, at least one
        end = int(np.searchsorted(cuts.offsets, cuts.offsets[start] + BLOCK_ROWS, side="right")) - 1
        some = np.arange(start, max(end, min(start + 1, len(rows))))
        x = features.take(features.cuts.of(rows[some]))
        parts.append(cuts.some(some).means(change(x) if change else x))
        start += max(len(some), 1)
    return np.concatenate(parts)


def _is_finite(array: FloatArray) -> bool:
    """Whether no number of it is NaN or endless: either would show in the highest or in the lowest, found faster."""
    return not array.size or bool(np.isfinite(array.max()) and np.isfinite(array.min()))


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
            if array is not None and not _is_finite(array):
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
