"""Hashed features: names of features added up in few signed coordinates, a sparse random projection."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SPREAD = 4  # coordinates that a feature touches


def sums(
    hashes: Sequence[int], owners: Sequence[int], weights: Sequence[float], rows: int, width: int
) -> npt.NDArray[np.float32]:
    """Σ weight · r(feature) of each owner [rows, width]; r of a 32-bit hash has SPREAD coordinates of ±1."""
    draws = np.array(hashes, np.uint64)[:, None] * np.uint64(SPREAD)
    mixed = mix((draws + np.arange(SPREAD, dtype=np.uint64)).astype(np.uint64))
    coordinate = (mixed >> np.uint64(1)) % np.uint64(width)
    signed = np.where(mixed & np.uint64(1), 1.0, -1.0) * np.array(weights)[:, None]
    cells = np.array(owners, np.int64)[:, None] * width + coordinate.astype(np.int64)
    found = np.bincount(cells.ravel(), weights=signed.ravel(), minlength=rows * width)
    return found.reshape(rows, width).astype(np.float32)


def mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser: neighbouring hashes become unrelated ones."""
    mixed: npt.NDArray[np.uint64] = values + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
