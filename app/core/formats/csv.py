"""The format `csv`: comma-separated values with a header line."""

from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

from app.core.formats import Bad, Columns, Format, Limits, Row, _delimited, _delimited_out


class Csv(Format):
    """CSV with a header; the delimiter may be a comma, semicolon, tab or bar. Written for spreadsheets: safe cells."""

    title: ClassVar[str] = "CSV"
    suffix: ClassVar[str] = ".csv"
    media_type: ClassVar[str] = "text/csv"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    flat: ClassVar[bool] = True

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """Cells as text; a record's line is the one on which it starts."""
        return _delimited.read(stream, limits, None)

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:
        """UTF-8 without a mark, lines ended as RFC 4180 has them."""
        _delimited_out.write(rows, stream, ",", columns)
