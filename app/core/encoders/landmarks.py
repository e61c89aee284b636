"""The encoder `landmarks`: the rows of a table by their columns, bent, and by their likeness to some of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from app.core.encoders import Encoder
from app.core.encoders.columns import Columns

Array: TypeAlias = npt.NDArray[np.float64]

RIDGE = 1e-3  # on the landmarks' kernel: directions weaker than that are noise
DIGITS = 4  # of what is learned: it is stored as JSON


@dataclass(frozen=True)
class Landmarks(Encoder):
    """Columns, bent at their quantiles, and a row's likeness to 128 rows: a linear head learns curves and interactions.

    Half of the square norm are columns: categories as `columns` has them; a number's standardised value z and, as
    strong, its piecewise-linear encoding clip((z − b_t) / (b_t+1 − b_t), 0, 1) between quantiles b of the column, less
    its mean. Half are Nyström features φ(x) = L⁻¹ k(Z, x), less their mean, of the kernel
    k(x, z) = exp(−‖x − z‖² / 2σ²) on what `columns` makes of rows, with landmarks Z and L Lᵀ = k(Z, Z) + 0.001 I.
    Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS 2022;
    Williams & Seeger, "Using the Nyström method to speed up kernel machines", NIPS 2000.
    """

    modality: ClassVar[str] = "table"
    rung: ClassVar[int] = 1
    version: ClassVar[int] = 1

    landmarks: int = field(
        default=128,
        metadata={"help": "Rows that all are compared with, drawn from the first ones", "low": 1, "high": 10000},
    )
    bins: int = field(
        default=8, metadata={"help": "Pieces of a numeric column, each with as many rows", "low": 1, "high": 1000}
    )
    bandwidth: float = field(
        default=0.6, metadata={"help": "σ of the likeness; two rows differ by √2 on average", "low": 0.01, "high": 100}
    )

    @property
    def dimensions(self) -> int:
        """0: the columns tell, see `encode`."""
        return 0

    def learn(self, contents: Sequence[Any]) -> dict[str, Any]:
        """{"columns" as `Columns` learns them, "pieces" of each, "landmarks" as [places, values], "mean", "scale"}."""
        columns = Columns().learn(contents)
        x = Columns().encode(contents, columns).astype(np.float64)
        learned: dict[str, Any] = {**columns, "pieces": self._pieces(x, columns["columns"])}
        order = np.random.default_rng(0).permutation(len(x))
        _, first = np.unique(x[order].round(DIGITS), axis=0, return_index=True)
        chosen = x[order[np.sort(first)[: max(self.landmarks, 1)]]]
        learned["landmarks"] = [[np.flatnonzero(row).tolist(), _short(row[row != 0])] for row in chosen]
        likeness = self._likeness(x, learned) if len(x) else np.zeros((1, 1))
        learned["mean"] = _short(likeness.mean(0))
        learned["scale"] = _norm(likeness - learned["mean"])
        return learned

    def _pieces(self, x: Array, columns: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
        """{"edges" [t + 1], "mean" [t], "scale"} of each numeric column that has two values at least."""
        found: list[dict[str, Any] | None] = []
        for column, block in zip(columns, _blocks(x, columns), strict=True):
            z = block[block[:, 1] == 0, 0] if "mean" in column else block[:0, 0]
            edges = np.unique(np.quantile(z, np.linspace(0, 1, self.bins + 1)).round(DIGITS)) if len(z) else z
            if len(edges) < 2:
                found.append(None)
                continue
            bent = _bend(z, edges)
            mean = _short(bent.mean(0))
            found.append({"edges": edges.tolist(), "mean": mean, "scale": _norm(bent - mean)})
        return found

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:
        """Features [n, d]; columns that were not there to learn from are left out."""
        x = Columns().encode(contents, learned).astype(np.float64)
        if not learned.get("landmarks"):
            return np.zeros((len(x), 1), np.float32)
        parts = []
        for piece, block in zip(learned["pieces"], _blocks(x, learned["columns"]), strict=True):
            if piece is None:
                parts.append(block)
                continue
            bent = (_bend(block[:, 0], np.array(piece["edges"])) - piece["mean"]) / piece["scale"]
            bent[block[:, 1] > 0] = 0  # what is missing is like the mean
            parts += [block[:, :1] / np.sqrt(2), block[:, 1:], bent / np.sqrt(2)]
        additive = [part / np.sqrt(max(len(learned["columns"]), 1)) for part in parts]
        likeness = (self._likeness(x, learned) - learned["mean"]) / learned["scale"]
        return np.concatenate([*additive, likeness], axis=1).astype(np.float32) / np.float32(np.sqrt(2))

    def _likeness(self, x: Array, learned: dict[str, Any]) -> Array:
        """φ(x) [n, m]."""
        marks = np.zeros((len(learned["landmarks"]), x.shape[1]))
        for row, (places, values) in zip(marks, learned["landmarks"], strict=True):
            row[places] = values
        factor = np.linalg.cholesky(self._kernel(marks, marks) + RIDGE * np.eye(len(marks)))
        return np.linalg.solve(factor, self._kernel(marks, x)).T

    def _kernel(self, a: Array, b: Array) -> Array:
        squares = np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T
        return np.asarray(np.exp(-np.maximum(squares, 0) / (2 * self.bandwidth**2)))


def _blocks(x: Array, columns: list[dict[str, Any]]) -> list[Array]:
    """What `Columns` made of each column, not yet divided by √columns."""
    if not columns:
        return []
    buckets = Columns().buckets
    widths = [2 if "mean" in column else len(column["values"]) + buckets + 1 for column in columns]
    return np.split(x * np.sqrt(len(columns)), np.cumsum(widths)[:-1], axis=1)


def _bend(z: Array, edges: Array) -> Array:
    """The piecewise-linear encoding [n, t] of values [n] between t + 1 edges."""
    return np.clip((z[:, None] - edges[:-1]) / np.diff(edges), 0, 1)


def _norm(x: Array) -> float:
    """The root mean square norm of rows; 1 where they are all alike, whose rounding must not be blown up."""
    norm = float(np.sqrt(np.square(x).sum(1).mean()))
    return norm if norm > 10**-DIGITS * 10 else 1.0


def _short(values: Array) -> list[float]:
    rounded: list[float] = np.asarray(values).round(DIGITS).tolist()
    return rounded
