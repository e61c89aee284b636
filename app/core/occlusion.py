"""Occlusion: what an answer's log-odds lose when a part of the item is taken away, of any encoder and any learner.

Zeiler & Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, for pictures; Li, Monroe & Jurafsky,
"Understanding neural networks through representation erasure", 2016, for words. Effects need not add up.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from app.core import words
from app.core.data import FloatArray, IntArray
from app.core.encoders._images import rgb
from app.core.parts import Mark

MOST = 48  # parts of an item: each costs an encoding
TEXT = 6_000  # code points of a text that are looked at
GRID, SIDE = 6, 240  # places on a side of a picture, and its pixels
Scored = Callable[[Sequence[Any]], FloatArray]  # of contents, the log-odds [n] of the answer


def of_text(text: str, scored: Scored) -> tuple[list[Mark], FloatArray]:
    """Marks of words, or of runs of words where there are many, and what each one's absence costs."""
    bounds = words.cut(text[:TEXT])
    if not len(bounds):
        return [], np.empty(0)
    runs = np.array_split(np.arange(len(bounds)), min(MOST, len(bounds)))
    marks = [(int(bounds[run[0], 0]), int(bounds[run[-1], 1])) for run in runs]
    found = scored([text, *(text[:start] + text[end:] for start, end in marks)])
    return list(marks), found[0] - found[1:]


def of_columns(row: dict[str, Any], scored: Scored) -> tuple[list[Mark], FloatArray]:
    """Names of the columns that are filled, and what it costs that one is empty."""
    names = [name for name, value in row.items() if value is not None and value != ""][:MOST]
    found = scored([row, *({**row, name: None} for name in names)])
    return list(names), found[0] - found[1:]


def of_picture(content: bytes, scored: Scored) -> FloatArray:
    """The map [GRID, GRID] of what it costs that a place is grey."""
    picture = rgb(content, SIDE)
    step = SIDE // GRID
    hidden = []
    for place in range(GRID * GRID):
        changed = picture.copy()
        top, left = (place // GRID) * step, (place % GRID) * step
        changed[top : top + step, left : left + step] = 128
        hidden.append(changed)
    found = scored([_png(one) for one in (picture, *hidden)])
    return np.asarray((found[0] - found[1:]).reshape(GRID, GRID))


def _png(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def of_words(text: str, bounds: IntArray, inside: IntArray, scored: Scored) -> tuple[list[Mark], FloatArray]:
    """Marks of the words around those `inside` of spans, and what it costs that one is blacked out.

    scored: of (text, bounds of its words). A word keeps its length: the others must stay where they are. Only the
    neighbourhood is encoded, for a text may be a book.
    """
    first = max(0, int(inside.min()) - MOST // 4)
    last = min(len(bounds), first + MOST)
    start, end = int(bounds[first, 0]), int(bounds[last - 1, 1])
    near, part = bounds[first:last] - start, text[start:end]
    hidden = [part[:begin] + "_" * (stop - begin) + part[stop:] for begin, stop in near.tolist()]
    found = scored([(one, near) for one in (part, *hidden)])
    marks: list[Mark] = [(start + begin, start + stop) for begin, stop in near.tolist()]
    return marks, found[0] - found[1:]
