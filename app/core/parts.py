"""Parts: what the features of one item are made of, where they are a sum."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.data import FloatArray

Mark = tuple[int, int] | str


@dataclass(frozen=True)
class Parts:
    """Vectors [p, d] that add up, together with `rest` [d], to an item's features, exactly.

    marks: what each is part of the item: (start, end) in code points of a text, or a column's name. Of a picture there
    are none, and the vectors are the places of a grid of so many (rows, columns), row by row.
    """

    vectors: FloatArray
    rest: FloatArray
    marks: Sequence[Mark] = ()
    grid: tuple[int, int] | None = None


def of_words(states: FloatArray, offsets: Sequence[tuple[int, int]], words: Sequence[int | None]) -> Parts:
    """The parts of a text whose features are the mean of its tokens' states [t, d], of unit length: one for each word.

    offsets: where each token begins and ends. words: the word that each is a piece of; None of the marks around a text,
    which are the rest.
    """
    mean = states.mean(axis=0)
    scaled = states / (len(states) * max(float(np.linalg.norm(mean)), 1e-12))
    known = sorted({word for word in words if word is not None})
    vectors = np.zeros((len(known), states.shape[1]))
    rest = np.zeros(states.shape[1])
    bounds = dict.fromkeys(known, (10**9, 0))
    for state, (start, end), word in zip(scaled, offsets, words, strict=True):
        if word is None:
            rest += state
            continue
        vectors[known.index(word)] += state
        bounds[word] = (min(bounds[word][0], start), max(bounds[word][1], end))
    return Parts(vectors, rest, [bounds[word] for word in known])
