"""The encoder `columns`: the rows of a table, numbers standardised and categories one-hot."""

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from app.core.encoders import Encoder
from app.core.parts import Parts

# Standardised values beyond this are drawn in: one absurd number must not outweigh the row.
FARTHEST = 5.0


@dataclass(frozen=True)
class Columns(Encoder):
    """Standardised numbers with a flag for missing ones; one-hot categories, rare ones hashed.

    A column is numeric where every value that is there is a number. Numeric: (x − mean) / deviation, drawn in
    at ±5, 0 where missing, and a flag for that. Other: one coordinate for each of the `categories` most
    frequent values, and `buckets` that share the rest. Divided by √columns, so that a row has a mean square
    norm of about 1.
    """

    modality: ClassVar[str] = "table"
    rung: ClassVar[int] = 0
    version: ClassVar[int] = 1

    categories: int = field(
        default=50, metadata={"help": "Categories of a column with a coordinate of their own", "low": 1, "high": 10000}
    )
    buckets: int = field(
        default=16,
        metadata={"help": "Coordinates that all other categories of a column share", "low": 1, "high": 10000},
    )

    @property
    def dimensions(self) -> int:
        """0: the columns tell, see `encode`."""
        return 0

    def learn(self, contents: Sequence[Any]) -> dict[str, Any]:
        """{"columns": [{"name", "mean", "deviation"} or {"name", "values"}]}, in the order of names."""
        names = sorted({name for row in contents for name in row})
        return {"columns": [self._column(name, [row.get(name) for row in contents]) for name in names]}

    def _column(self, name: str, values: list[Any]) -> dict[str, Any]:
        present = [value for value in values if not _is_missing(value)]
        if present and all(_is_number(value) for value in present):
            numbers = np.array(present, np.float64)
            scale = float(np.abs(numbers).max()) or 1.0  # squares of 1e200 would be infinite
            return {
                "name": name,
                "mean": float((numbers / scale).mean()) * scale,
                "deviation": float((numbers / scale).std()) * scale,
            }
        counts = Counter(_text(value) for value in present)
        ordered = sorted(counts, key=lambda value: (-counts[value], value))
        return {"name": name, "values": ordered[: self.categories]}

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:
        """Features [n, d]; columns that were not there to learn from are left out."""
        blocks = [
            _numbers(contents, column) if "mean" in column else self._categories(contents, column)
            for column in learned.get("columns", ())
        ]
        if not blocks:
            return np.zeros((len(contents), 1), np.float32)
        return np.concatenate(blocks, axis=1).astype(np.float32) / np.float32(math.sqrt(len(blocks)))

    def parts(self, content: Any, learned: dict[str, Any]) -> Parts:
        """The columns: of a numeric one its standardised value and the flag, of another its category's coordinate."""
        columns = learned.get("columns", ())
        features = self.encode([content], learned)[0].astype(np.float64)
        vectors = np.zeros((len(columns), len(features)))
        start = 0
        for vector, column in zip(vectors, columns, strict=True):
            end = start + (2 if "mean" in column else len(column["values"]) + self.buckets + 1)
            vector[start:end] = features[start:end]
            start = end
        return Parts(vectors, np.zeros(len(features)), [column["name"] for column in columns])

    def _categories(self, contents: Sequence[Any], column: dict[str, Any]) -> npt.NDArray[np.float64]:
        index = {value: place for place, value in enumerate(column["values"])}
        block = np.zeros((len(contents), len(index) + self.buckets + 1))
        for row, content in enumerate(contents):
            value = content.get(column["name"])
            if _is_missing(value):
                block[row, -1] = 1
            else:
                text = _text(value)
                rest = len(index) + zlib.crc32(text.encode()) % max(self.buckets, 1)
                block[row, index.get(text, rest)] = 1
        return block


def _numbers(contents: Sequence[Any], column: dict[str, Any]) -> npt.NDArray[np.float64]:
    block = np.zeros((len(contents), 2))
    for row, content in enumerate(contents):
        value = content.get(column["name"])
        if _is_missing(value) or not _is_number(value):
            block[row, 1] = 1
        elif column["deviation"] > 0:
            block[row, 0] = (float(value) - column["mean"]) / column["deviation"]
    return np.clip(block, -FARTHEST, FARTHEST)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))


def _text(value: Any) -> str:
    """A category's name; 1 and "1" are one, True and "true" too."""
    return str(value).lower() if isinstance(value, bool) else str(value)
