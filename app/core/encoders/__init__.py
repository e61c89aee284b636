"""Encoders: from the content of items to features, without labels."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from app.core import plugins
from app.core.data import FloatArray
from app.core.parts import Parts


class Encoder(ABC):
    """Turns contents into float32 [n, d]: deterministic, finite, each row whatever its neighbours are.

    A plug-in states `modality` (text: str; image: the bytes of the file; table: dict of column → number, str, bool or
    None; words: (text, bounds [u, 2] of its words), and each word has a row), `rung` (0 is ready in seconds, higher is
    better and slower) and `version`, raised when its features change. `similarity` is the cosine from which on two
    items count as one; below copies only where features know meaning. Features have a mean square norm of about 1, so
    that one strength of regularisation suits every linear head.

    `needs`: settings without a default that works, such as where weights lie. An encoder that has any is used only
    where a recipe names it, never by its rung; what such a setting leads to is told by `weights`, not by its words.
    """

    modality: ClassVar[str]
    rung: ClassVar[int]
    version: ClassVar[int] = 1
    similarity: ClassVar[float] = 0.9999
    needs: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """The width d of a row; 0 where only what was learned, or the weights, tell it."""

    @abstractmethod
    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:
        """Features [n, d] of these contents."""

    def learn(self, contents: Sequence[Any]) -> dict[str, Any]:  # noqa: ARG002 - most learn nothing
        """What it must know of the data set before it encodes, as plain JSON; it never sees labels."""
        return {}

    def parts(self, content: Any, learned: dict[str, Any]) -> Parts | None:  # noqa: ARG002 - of most they are no sum
        """What the features of one content are a sum of; None where they are none. See app/core/explanations.py."""
        return None

    def regions(self, content: Any) -> FloatArray | None:  # noqa: ARG002 - most see no picture, or no places in it
        """How much a convolutional network looks at each place of a picture [h, w], 0 … 1; None of other encoders."""
        return None

    def weights(self) -> str:
        """What tells its pretrained weights from others: a hash, or a package and its version."""
        return ""

    def fingerprint(self, learned: dict[str, Any]) -> str:
        """24 hexadecimal digits: equal if and only if the features are."""
        names = [field.name for field in fields(cast(Any, self)) if field.name not in self.needs]
        settings = {name: getattr(self, name) for name in names}
        name = type(self).__module__.rsplit(".", 1)[-1]
        told = json.dumps([name, settings, self.version, self.weights(), learned], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:24]


def ladder(modality: str) -> list[dict[str, Any]]:
    """The encoders of a modality that need no setting, fastest first, as specs {"name": …}; nothing is imported."""
    known = plugins.describe("encoders")
    found = [one for one in known if one.facts.get("modality") == modality and not one.facts.get("needs")]
    return [{"name": one.name} for one in sorted(found, key=lambda one: (one.facts["rung"], one.name))]
