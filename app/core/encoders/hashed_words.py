"""The encoder `hashed_words`: each word by its letters, its shape and its neighbours, hashed; ready in seconds."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import regex

from app.core import words
from app.core.encoders import Encoder
from app.core.encoders._hashing import sums

BLOCK = 16_384  # words at a time
LONGEST_WORD = 40  # code points of a word that are looked at
_SHAPE = ((regex.compile(r"\p{Lu}+"), "X"), (regex.compile(r"\p{Ll}+"), "x"), (regex.compile(r"\p{N}+"), "9"))
SCALE = 0.17  # so that features have a mean square norm of about 1
# Weights: of the word, its shape, an end, all its n-grams; of a neighbour, its shape, its end; of the next but one.
W = (1.0, 1.0, 0.4, 1.0, 0.7, 0.7, 0.4, 0.4)
_BORDER = ""  # what stands before the first word of a text, and after the last
Named = list[tuple[str, float]]


@dataclass(frozen=True)
class HashedWords(Encoder):
    """Words by their letters, shapes and neighbours: no weights, tens of thousands of words a second.

    A word is a sum of hashed features: itself, its shape (“Xx9”), its beginnings and ends of 1 to 4 letters, n-grams of
    3 to 5; and of the two words on each side themselves, shapes and ends, apart by place and of less weight.
    """

    modality: ClassVar[str] = "words"
    rung: ClassVar[int] = 0
    version: ClassVar[int] = 1

    width: int = field(default=512, metadata={"help": "Dimensions d", "low": 8, "high": 65536})

    @property
    def dimensions(self) -> int:
        """The setting `width`."""
        return self.width

    def weights(self) -> str:
        """Which cut of texts into words it was made for."""
        return f"words {words.VERSION}"

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Features [words, d] of (text, bounds of its words), text by text, of a mean square norm of 1."""
        ends = np.cumsum([len(bounds) for _, bounds in contents])
        features = np.empty((int(ends[-1]) if len(ends) else 0, self.width), np.float32)
        start = 0
        while start < len(contents):  # so many texts at a time as have few words, at least one
            before = int(ends[start - 1]) if start else 0
            end = max(int(np.searchsorted(ends, before + BLOCK, side="right")), start + 1)
            features[before : ends[end - 1]] = self._block(contents[start:end])
            start = end
        return features

    def _block(self, contents: Sequence[Any]) -> npt.NDArray[np.float32]:
        """Every distinct word of the block is hashed once, for each place that it may stand in."""
        vocabulary = {_BORDER: 0}
        numbers: list[int] = []
        inner: list[int] = []
        for text, bounds in contents:
            found = [text[start:end][:LONGEST_WORD] for start, end in bounds.tolist()]
            inner += range(len(numbers) + 2, len(numbers) + 2 + len(found))
            numbers += [0, 0, *(vocabulary.setdefault(word, len(vocabulary)) for word in found), 0, 0]
        terms, at, place = list(vocabulary), np.array(numbers, np.int64), np.array(inner, np.int64)
        made = self._hashed(terms, _own)[at[place]]
        for step, seen in ((-1, _near), (1, _near), (-2, _far), (2, _far)):
            made += self._hashed(terms, partial(seen, step))[at[place + step]]
        return made * np.float32(SCALE)

    def _hashed(self, terms: list[str], features: Callable[[str], Named]) -> npt.NDArray[np.float32]:
        hashes, owners, weights = [], [], []
        for number, term in enumerate(terms):
            named = features(term)
            hashes += [zlib.crc32(name.encode()) for name, _ in named]
            owners += [number] * len(named)
            weights += [weight for _, weight in named]
        return sums(hashes, owners, weights, len(terms), self.width)


def _shape(word: str) -> str:
    for pattern, sign in _SHAPE:
        word = pattern.sub(sign, word)
    return word[:6]


def _own(word: str) -> Named:
    lower = word.lower()
    bounded = f"<{lower}>"
    grams = [bounded[i : i + n] for n in (3, 4, 5) for i in range(len(bounded) - n + 1)] or [bounded]
    ends = [f"{sign}{lower[part]}" for n in range(1, 5) for sign, part in (("^", slice(n)), ("$", slice(-n, None)))]
    named = [(f"word {lower}", W[0]), (f"shape {_shape(word)}", W[1])]
    named += [(f"end {end}", W[2]) for end in ends]
    return named + [(f"gram {gram}", W[3] / len(grams) ** 0.5) for gram in grams]


def _near(step: int, word: str) -> Named:
    lower = word.lower()
    return [(f"{step} word {lower}", W[4]), (f"{step} shape {_shape(word)}", W[5]), (f"{step} end {lower[-3:]}", W[6])]


def _far(step: int, word: str) -> Named:
    return [(f"{step} word {word.lower()}", W[7])]
