"""Rows as lines of JSON, whichever database they come from or go to: columns have kinds, not a dialect's types."""

import base64
import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import JSON, Column, MetaData, Table, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.sqltypes import Boolean, DateTime, Float, Integer, LargeBinary, String, Uuid

from app.db import to_json
from app.models import Base, Json, UtcDateTime
from app.services import bulk

AT_ONCE = 5000
# What no restored system can use: signs of life of processes that were, and guesses at passwords.
LEFT_OUT = ("worker",)
_TYPES: dict[str, Any] = {
    "time": UtcDateTime,
    "json": lambda: Json,
    "uuid": Uuid,
    "bytes": LargeBinary,
    "bool": Boolean,
    "float": lambda: Float(53),
    "int": Integer,
    "text": String,
}


def tables() -> list[Table]:
    """The tables to be kept, each after those that it points at."""
    return [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]


def kind_of(column: Column[Any]) -> str:
    """The kind of a column: one of the names in the manifest."""
    kind = column.type
    if isinstance(kind, UtcDateTime | DateTime):
        return "time"
    for name, of in (("json", JSON), ("uuid", Uuid), ("bytes", LargeBinary), ("bool", Boolean), ("float", Float)):
        if isinstance(kind, of):
            return name
    if isinstance(kind, Integer):
        return "int"
    if isinstance(kind, String):
        return "text"
    raise TypeError(f"{column} has a type that backups do not know")


def lines(db: Session, table: Table) -> Iterator[list[bytes]]:
    """The table's rows as lines of JSON, a list for each page, in the order of the primary key."""
    encode = [_ENCODERS.get(kind_of(column), _same) for column in table.columns]
    query = select(table).order_by(*table.primary_key.columns)
    found = db.execute(query, execution_options={"yield_per": AT_ONCE})
    for page in found.partitions():
        yield [_line([to(value) for to, value in zip(encode, row, strict=True)]) for row in page]


def _line(values: list[Any]) -> bytes:
    try:
        return orjson.dumps(values) + b"\n"
    except TypeError:  # a number beyond 64 bits
        return json.dumps(values, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _same(value: Any) -> Any:
    return value


def _number(value: float | None) -> Any:
    """JSON has no infinity; it goes as text."""
    return value if value is None or math.isfinite(value) else str(value)


_ENCODERS: dict[str, Callable[[Any], Any]] = {
    "bytes": lambda value: None if value is None else base64.b64encode(value).decode(),
    "float": _number,
    "uuid": lambda value: None if value is None else value.hex,
    "time": lambda value: None if value is None else value.isoformat(),
}
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "bytes": base64.b64decode,
    "float": float,
    "uuid": UUID,
    "time": lambda value: datetime.fromisoformat(value).astimezone(UTC),
}


def target(name: str, columns: Sequence[tuple[str, str]]) -> Table:
    """A table of these (name, kind) columns, to be filled: a backup's own, which may be of an older version."""
    return Table(name, MetaData(), *(Column(column, _TYPES[kind]()) for column, kind in columns))


def insert(db: Session, table: Table, columns: Sequence[tuple[str, str]], page: Sequence[bytes]) -> None:
    """Insert lines of JSON as they are, ids included."""
    dialect = db.get_bind().dialect
    readers = []
    for (name, kind), column in zip(columns, table.columns, strict=True):
        process = column.type.dialect_impl(dialect).bind_processor(dialect)
        readers.append(_reader(kind, process))
        assert name == column.name  # noqa: S101  # the table is made of these columns
    values = [tuple(read(value) for read, value in zip(readers, _parsed(line), strict=True)) for line in page]
    bulk.insert_rows(db, table, [name for name, _ in columns], values, {})


def _parsed(line: bytes) -> list[Any]:
    try:
        found: list[Any] = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = json.loads(line)
    return found


def _reader(kind: str, process: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """From a value of a line to what the database's driver takes."""
    decode = _DECODERS.get(kind, _same)
    if kind == "json":  # as text: that is what both take
        return lambda value: None if value is None else to_json(value)
    if process is None:
        return lambda value: None if value is None else decode(value)
    return lambda value: None if value is None else process(decode(value))
