"""The format `json`: one JSON array of objects, read and written element by element."""

from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

import orjson

from app.core.formats import Bad, Columns, Format, Limits, Row, Unreadable, _json
from app.core.formats._text import open_text

_CHUNK_CHARS = 32_768


class Json(Format):
    """One JSON array of objects. A .json file with an object a line is read as JSON Lines."""

    title: ClassVar[str] = "JSON"
    suffix: ClassVar[str] = ".json"
    media_type: ClassVar[str] = "application/json"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """An object an element; a place is the element's number and the line on which it starts."""
        text = open_text(stream)
        try:
            chunks = iter(lambda: text.read(_CHUNK_CHARS), "")
            for place, element in _json.elements(chunks, limits.row_chars):
                yield _json.parse(element, place, limits)
        except UnicodeDecodeError as error:
            raise Unreadable("It is not UTF-16, as its first bytes say. Save the file as UTF-8.") from error
        finally:
            text.detach()  # the stream is the caller's to close

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:  # noqa: ARG002 - JSON names its own
        """An element a line."""
        before = b"[\n"
        for row in rows:
            stream.write(before + orjson.dumps(row, default=str, option=orjson.OPT_UTC_Z))
            before = b",\n"
        stream.write(b"\n]\n" if before == b",\n" else b"[]\n")
