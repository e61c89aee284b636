"""The encoder `pixels`: a thumbnail and its colours; ready in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from app.core.encoders import Encoder
from app.core.encoders._images import rgb
from app.core.parts import Parts

LEVELS = 4  # of each colour channel in the histogram


@dataclass(frozen=True)
class Pixels(Encoder):
    """A small thumbnail with a coarse colour histogram: no weights, hundreds of images a second.

    The thumbnail's pixels in −1 … 1 and the square roots of the shares of 4³ colours (Hellinger's distance),
    each part scaled to a mean square norm of about ½.
    """

    modality: ClassVar[str] = "image"
    rung: ClassVar[int] = 0
    version: ClassVar[int] = 1

    side: int = field(default=16, metadata={"help": "Width and height of the thumbnail", "low": 1, "high": 256})

    @property
    def dimensions(self) -> int:
        """3 · side² pixels and 64 colours."""
        return 3 * self.side**2 + LEVELS**3

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Features [n, 3 · side² + 64]."""
        features = np.empty((len(contents), self.dimensions), np.float32)
        for row, content in enumerate(contents):
            picture = rgb(content, self.side)
            features[row, : 3 * self.side**2] = self._thumbnail(picture)
            features[row, 3 * self.side**2 :] = _colours(picture)
        return features

    def parts(self, content: Any, learned: dict[str, Any]) -> Parts:
        """The thumbnail's pixels; the colours belong to no place and are the rest."""
        features = self.encode([content], learned)[0].astype(np.float64)
        places = self.side**2
        vectors = np.zeros((places, self.dimensions))
        vectors[np.arange(places)[:, None], np.arange(3 * places).reshape(places, 3)] = features[: 3 * places].reshape(
            places, 3
        )
        rest = np.r_[np.zeros(3 * places), features[3 * places :]]
        return Parts(vectors, rest, grid=(self.side, self.side))

    def _thumbnail(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        # Pixels in −1 … 1 have a mean square of about ⅓.
        return np.asarray((picture.ravel() / 127.5 - 1) / (np.sqrt(2.0) * self.side), np.float32)


def _colours(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    level = (picture.reshape(-1, 3) // (256 // LEVELS)).astype(np.int64)
    counts = np.bincount(level @ (LEVELS ** np.arange(3)), minlength=LEVELS**3)
    return np.asarray(np.sqrt(counts / (2 * counts.sum())), np.float32)
