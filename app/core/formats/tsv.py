"""The format `tsv`: tab-separated values with a header line."""

from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

from app.core.formats import Bad, Columns, Format, Limits, Row, _delimited, _delimited_out


class Tsv(Format):
    """Tab-separated values with a header; cells with tabs or line breaks are quoted as in CSV."""

    title: ClassVar[str] = "TSV"
    suffix: ClassVar[str] = ".tsv"
    suffixes: ClassVar[tuple[str, ...]] = (".tab",)
    media_type: ClassVar[str] = "text/tab-separated-values"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    flat: ClassVar[bool] = True

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """Cells as text; a record's line is the one on which it starts."""
        return _delimited.read(stream, limits, "\t")

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:
        """UTF-8 without a mark."""
        _delimited_out.write(rows, stream, "\t", columns)
