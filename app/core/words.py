"""Words: where a text is cut into pieces, in code points, whatever its script."""

from typing import Any

import numpy as np
import numpy.typing as npt
import regex

VERSION = 1  # raised when texts are cut differently: features of words are told apart by it
LONGEST = 10_000_000  # code points of a text, however it came here
# Scripts that are written without spaces: each sign (with its marks) is a piece of its own.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# A run of letters, digits and marks, with the joiners that scripts write inside of words; else one visible sign as
# people see it (\X: an emoji with all that is joined to it, an accent that stands alone).
_PIECE = regex.compile(rf"(?:(?![{_UNSPACED}])[\p{{L}}\p{{N}}_][\p{{M}}\u200c\u200d]*)+|(?!\s)\X")

Bounds = npt.NDArray[np.int32]


def cut(text: str) -> Bounds:
    """Where each piece of a text begins and ends [u, 2], in code points; each visible sign is in exactly one."""
    found = [match.span() for match in _PIECE.finditer(text)]
    return np.array(found, np.int32).reshape(-1, 2)


def cut_content(content: dict[str, Any]) -> tuple[str, Bounds]:
    """The text of an item and its pieces: what an encoder of words reads."""
    return content["text"], cut(content["text"])
