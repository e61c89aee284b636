"""Writing delimited text: what CSV and TSV share.

Not by the standard writer: it looks at every character in turn, and most of an export is JSON in a cell.
"""

import math
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, BinaryIO

import orjson

from app.core.formats import Columns

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_AT_ONCE = 500  # rows that go to the file together
_END = "\r\n"


def write(rows: Iterator[dict[str, Any]], stream: BinaryIO, delimiter: str, columns: Columns | None) -> None:
    """A header and the rows, in UTF-8; columns as named, else as the first row has them."""
    names, cells, other = list(columns or ()), *_cells(delimiter)
    quoted = _quoting(delimiter)
    if columns is not None:
        stream.write(_line([quoted(neutral(name)) for name in names], delimiter))
    while block := list(islice(rows, _AT_ONCE)):
        if columns is None:
            columns, names = dict.fromkeys(block[0], "string"), list(block[0])
            stream.write(_line([quoted(neutral(name)) for name in names], delimiter))
        written = []
        for row in block:
            values = map(row.get, names)
            written.append(_line([cells.get(type(value), other)(value) for value in values], delimiter))
        stream.write(b"".join(written))


def _line(cells: list[str], delimiter: str) -> bytes:
    # A lone empty cell is quoted, or its line would pass for an empty one.
    return ((delimiter.join(cells) or '""') + _END).encode()


def neutral(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


@cache
def _quoting(delimiter: str) -> Callable[[str], str]:
    """Puts a cell between quotation marks where its text would break the line."""

    def quoted(text: str) -> str:
        if '"' in text:
            return '"' + text.replace('"', '""') + '"'
        return f'"{text}"' if delimiter in text or "\n" in text or "\r" in text else text

    return quoted


@cache
def _cells(delimiter: str) -> tuple[dict[type, Callable[[Any], str]], Callable[[Any], str]]:
    """How a value becomes a cell, by its type, and for all other types.

    By type, and not one question after another: an export of a million items has ten million cells. Numbers stay
    numbers; a text that a spreadsheet would run is made harmless.
    """
    quoted = _quoting(delimiter)

    def text(value: str) -> str:
        return quoted("'" + value if value.startswith(_FORMULA) else value)

    def other(value: Any) -> str:
        return text(orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z).decode())

    by_type: dict[type, Callable[[Any], str]] = {
        type(None): lambda _: "",
        bool: lambda value: "true" if value else "false",
        int: repr,
        float: lambda value: repr(value) if math.isfinite(value) else "",
        str: text,
        datetime: lambda value: value.isoformat().replace("+00:00", "Z"),
    }
    return by_type, other
