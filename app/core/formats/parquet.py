"""The format `parquet`: typed columns, read and written a row group at a time."""

import math
from collections.abc import Iterator
from itertools import accumulate, islice
from operator import itemgetter
from typing import Any, BinaryIO, ClassVar

import orjson

from app.core.formats import Bad, Columns, Format, Kind, Limits, Row, Unreadable, _parquet_bounds
from app.core.formats._text import fault

_BATCH_ROWS = 1000
_THRIFT = 64 * 2**20  # bytes and entries of what describes the file


class Parquet(Format):
    """Parquet: typed columns, compressed; for pandas, Polars, DuckDB and the like."""

    title: ClassVar[str] = "Parquet"
    suffix: ClassVar[str] = ".parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".pq",)
    media_type: ClassVar[str] = "application/vnd.apache.parquet"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    flat: ClassVar[bool] = True

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """Rows in order; a place is the row's number. NaN, as pandas writes a missing number, is read as null."""
        import pyarrow as pa  # heavy, and only needed where such a file is
        import pyarrow.parquet as pq

        size = stream.seek(0, 2)
        stream.seek(0)
        try:
            found = pq.ParquetFile(stream, thrift_container_size_limit=_THRIFT, thrift_string_size_limit=_THRIFT)
            _parquet_bounds.measure(found.metadata, limits)
            texts = _parquet_bounds.texts(found.metadata)
            file = pq.ParquetFile(stream, metadata=found.metadata, read_dictionary=texts)
            number = unpacked = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                unpacked += _parquet_bounds.weight(batch)
                _parquet_bounds.check_unpacked(unpacked, size, number + 1, limits)
                for values in _parquet_bounds.rows(batch, limits):
                    number += 1
                    place = {"line": number}
                    yield Bad(place, values) if isinstance(values, str) else _row(place, values, limits)
        except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
            raise Unreadable(f"It is not a Parquet file that can be read: {str(error)[:200]}.") from error

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:
        """A row group each 10,000 rows; `columns` must say the kinds."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = columns or {}
        schema = pa.schema([(name, _type(kind)) for name, kind in columns.items()])
        with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            while block := list(islice(rows, 10 * _BATCH_ROWS)):
                arrays = [_array([row.get(name) for row in block], kind) for name, kind in columns.items()]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _row(place: dict[str, Any], values: dict[str, Any], limits: Limits) -> Row | Bad:
    for name, value in values.items():
        if isinstance(value, float) and math.isnan(value):
            values[name] = None
        elif isinstance(value, str):
            if len(value) > limits.cell_chars:
                return Bad(place, f"{name} is longer than {limits.cell_chars:,} characters.")
            if bad := fault(value):
                return Bad(place, f"{name}: {bad}")
        elif isinstance(value, bytes):
            return Bad(place, f"{name} holds bytes where text or a number is wanted.")
    return Row(place, values)


def _type(kind: Kind) -> Any:
    import pyarrow as pa

    if isinstance(kind, str):
        plain = {
            "string": pa.string(),
            "json": pa.string(),
            "integer": pa.int64(),
            "float": pa.float64(),
            "bool": pa.bool_(),
            "time": pa.timestamp("us", tz="UTC"),
            "strings": pa.list_(pa.string()),
        }
        return plain[kind]
    return pa.list_(pa.struct([(name, _type(inner)) for name, inner in kind.items()]))


def _array(values: list[Any], kind: Kind) -> Any:
    """A column of these values. Records are laid out field by field, which takes half the time of one by one."""
    import pyarrow as pa

    if isinstance(kind, str):
        return pa.array(_told(values, kind), _type(kind))
    ends = accumulate((len(records or ()) for records in values), initial=0)
    offsets = [None if records is None else at for records, at in zip([*values, ()], ends, strict=True)]
    every = [record for records in values if records for record in records]
    columns = _columns(every, list(kind))
    fields = [_array(column, inner) for column, inner in zip(columns, kind.values(), strict=True)]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.StructArray.from_arrays(fields, list(kind)))


def _columns(records: list[dict[str, Any]], names: list[str]) -> list[list[Any]]:
    """The records' fields, one list a name; by one call for each record where none lacks a field."""
    if not records or len(names) < 2:
        return [[record.get(name) for record in records] for name in names]
    try:
        return [list(column) for column in zip(*map(itemgetter(*names), records), strict=True)]
    except KeyError:
        return [[record.get(name) for record in records] for name in names]


def _told(values: list[Any], kind: str) -> list[Any]:
    """As Arrow takes values of this kind; written out by kind, for a call each takes longer than the rest."""
    if kind == "string":
        return [value if value is None or isinstance(value, str) else _json(value) for value in values]
    if kind == "json":
        return [None if value is None else _json(value) for value in values]
    if kind == "float":  # Arrow refuses whole numbers that a float cannot hold exactly
        return [None if value is None else float(value) for value in values]
    return values


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z).decode()
