"""The format `jsonl`: one JSON object a line."""

from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

import orjson

from app.core.formats import Bad, Columns, Format, Limits, Row, _json
from app.core.formats._text import lines, open_text


class JsonLines(Format):
    """JSON Lines: one object a line. The format of exports that loses nothing."""

    title: ClassVar[str] = "JSON Lines"
    suffix: ClassVar[str] = ".jsonl"
    suffixes: ClassVar[tuple[str, ...]] = (".ndjson",)
    media_type: ClassVar[str] = "application/x-ndjson"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """An object a line; blank lines are passed over."""
        text = open_text(stream)
        try:
            for number, line in enumerate(lines(text, limits.row_chars), start=1):
                if not line.isspace():
                    yield _json.parse(line, {"line": number}, limits)
        finally:
            text.detach()  # the stream is the caller's to close

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:  # noqa: ARG002 - JSON names its own
        """UTF-8, a line feed after each."""
        for row in rows:
            stream.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))
