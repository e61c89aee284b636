"""What a stranger's Parquet file may unpack to: its own figures are asked first, and then every batch is weighed.

A text that stands a million times is kept once in the file, and would be a million texts in memory. So texts are read
as dictionaries and places in them, and made into Python's only where they fit.
"""

from collections.abc import Iterator
from typing import Any

from app.core.formats import Limits, Unreadable

_FREE_BYTES = 64 * 2**20  # smaller columns may pack as well as they like
_FREE_ROW_BYTES = 512 * 2**20  # a few classes in a million rows pack very well
_UNCONVERTED = "It holds a value that cannot be read: a time or a duration beyond what is known, or no text."


def measure(metadata: Any, limits: Limits) -> None:
    """Raises Unreadable where the file says itself that it is too much."""
    if metadata.num_columns > limits.columns:
        raise Unreadable(f"It has {metadata.num_columns:,} columns; {limits.columns:,} are allowed.")
    if metadata.num_rows > limits.rows:
        raise Unreadable(f"It has {metadata.num_rows:,} rows; {limits.rows:,} are allowed.")
    for group in range(metadata.num_row_groups):
        for column in map(metadata.row_group(group).column, range(metadata.num_columns)):
            large, name = column.total_uncompressed_size, column.path_in_schema[:100]
            if large > limits.column_bytes:
                raise Unreadable(f"Its column {name} would be {large:,} bytes; {limits.column_bytes:,} are allowed.")
            if large > max(_FREE_BYTES, limits.ratio * max(1, column.total_compressed_size)):
                raise Unreadable(f"Its column {name} is packed more than {limits.ratio} times: perhaps a bomb.")
            if column.num_values > limits.rows:
                raise Unreadable(f"Its column {name} has {column.num_values:,} values; {limits.rows:,} are allowed.")


def check_unpacked(unpacked: int, packed: int, line: int, limits: Limits) -> None:
    """Raises Unreadable where the rows so far are more than a file of this size may hold."""
    if unpacked > limits.unpacked_bytes:
        raise Unreadable(f"Unpacked it would be more than the {limits.unpacked_bytes:,} bytes allowed.", line=line)
    if unpacked > max(_FREE_ROW_BYTES, limits.ratio * packed):
        raise Unreadable(f"Its rows are packed more than {limits.ratio} times: perhaps a bomb.", line=line)


def texts(metadata: Any) -> list[str]:
    """The columns that hold texts or bytes, nested ones too."""
    if not metadata.num_row_groups:
        return []
    first = metadata.row_group(0)
    columns = map(first.column, range(metadata.num_columns))
    return [column.path_in_schema for column in columns if column.physical_type == "BYTE_ARRAY"]


def rows(batch: Any, limits: Limits) -> Iterator[dict[str, Any] | str]:
    """The rows of a batch as plain data; in place of one that is too large, or cannot be read, why."""
    if batch.num_rows > 1 and weight(batch) > limits.batch_bytes:
        half = batch.num_rows // 2
        yield from rows(batch.slice(0, half), limits)
        yield from rows(batch.slice(half), limits)
        return
    if batch.num_rows == 1 and (refusal := _too_long(batch, limits)):
        yield refusal
        return
    try:
        yield from _written_out(batch).to_pylist()
    except (ValueError, OverflowError):  # Arrow knows times that Python does not
        if batch.num_rows == 1:
            yield _UNCONVERTED
            return
        yield from (one for k in range(batch.num_rows) for one in rows(batch.slice(k, 1), limits))


def _written_out(batch: Any) -> Any:
    """The same with plain texts, which become Python's four times as fast."""
    import pyarrow as pa

    plain = [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(plain, names=batch.schema.names)


def _too_long(row: Any, limits: Limits) -> str | None:
    """Why a row is not even looked at. A character has at most four bytes."""
    sizes = dict(zip(row.schema.names, map(_bytes, row.columns), strict=True))
    if sum(sizes.values()) > 4 * limits.row_chars:
        return f"It is longer than {limits.row_chars:,} characters."
    long = [name for name, size in sizes.items() if size > 4 * limits.cell_chars]
    return f"{long[0][:100]} is longer than {limits.cell_chars:,} characters." if long else None


def weight(batch: Any) -> int:
    """Bytes of a batch's values, were each written out."""
    return sum(map(_bytes, batch.columns))


def _bytes(array: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        lengths = pc.cast(pc.binary_length(array.dictionary), pa.int64())
        return pc.sum(lengths.take(array.indices)).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(map(_bytes, array.flatten()))
    if pa.types.is_map(kind):
        part = array.slice(0)
        start, end = part.offsets[0].as_py(), part.offsets[len(part)].as_py()
        return _bytes(part.keys.slice(start, end - start)) + _bytes(part.items.slice(start, end - start))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _bytes(array.flatten()) + 8 * len(array)
    return int(array.nbytes)
