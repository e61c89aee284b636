"""Columns as the database keeps them: read without a type's work on every value, for those who read all of a table."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Integer, String, Text, cast, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.services.bulk import is_sqlite

Column = Any  # what select() takes


def json_text(db: Session, column: InstrumentedAttribute[Any]) -> Column:
    """A JSON column as its text: most of it is only written out again."""
    return (type_coerce if is_sqlite(db) else cast)(column, Text)


def id_text(db: Session, column: InstrumentedAttribute[Any]) -> Column:
    """A UUID column as text; see `told_id`."""
    return (type_coerce if is_sqlite(db) else cast)(column, String)


def plain(db: Session, column: InstrumentedAttribute[Any]) -> Column:
    """A boolean column as SQLite keeps it, 0 or 1; ask bool() of it."""
    return type_coerce(column, Integer) if is_sqlite(db) else column


def told_id(text: str) -> str:
    """The UUID in its usual form: SQLite holds the 32 digits alone."""
    return text if len(text) > 32 else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def time(db: Session, column: InstrumentedAttribute[Any]) -> Column:
    """A time column, for `told_time`."""
    return type_coerce(column, String if is_sqlite(db) else DateTime(timezone=True))


def told_time(db: Session) -> Callable[[Any], datetime]:
    """From what `time` reads to an aware time in UTC."""
    if is_sqlite(db):
        return lambda text: datetime.fromisoformat(text + "+00:00")
    return lambda value: value.astimezone(UTC)
