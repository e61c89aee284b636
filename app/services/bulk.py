"""Bulk insertion: many rows into one table, by COPY on PostgreSQL, by one prepared statement on SQLite.

The values come as the database keeps them (JSON as text, times and ids as its driver takes them), because turning each
by its column's type costs several times as much as the insertion itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

# From so many rows on, and where they are as many as all that are there, SQLite is quicker to sort an index than to
# find each row's place in it.
REBUILD_FROM = 50_000
ANALYZE_FROM = 20_000  # rows after which PostgreSQL's planner must be told, or it plans as for the table before


def is_sqlite(db: Session) -> bool:
    """Whether this session's database is SQLite."""
    return db.get_bind().dialect.name == "sqlite"


def insert_rows(
    db: Session, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]], same: dict[str, Any]
) -> None:
    """Insert rows of these columns; `same` are columns whose value all rows share.

    Columns that neither names get their default in Python, as the ORM would give it.
    """
    if not rows:
        return
    columns = [*names, *(shared := _shared(db, table, names, same))]
    constants = tuple(shared.values())
    connection = db.connection()
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(table.name)} ({', '.join(map(quote, columns))})"
    if is_sqlite(db):
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({marks})", [(*row, *constants) for row in rows])
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row((*row, *constants))


def _shared(db: Session, table: Table, names: Sequence[str], same: dict[str, Any]) -> dict[str, Any]:
    """The columns that all rows share, with their values as the driver takes them."""
    found: dict[str, Any] = {}
    for column in table.columns:
        default = getattr(column.default, "arg", None)
        if column.name in same or (column.name not in names and default is not None):
            value = same.get(column.name, default)
            process = column.type.dialect_impl(db.get_bind().dialect).bind_processor(db.get_bind().dialect)
            found[column.name] = process(value) if process else value
    return found


def new_ids(db: Session, table: Table, n: int) -> list[int]:
    """Ids for n new rows, which nobody else gets. On SQLite the caller holds the write lock."""
    if is_sqlite(db):
        first = (db.scalar(select(func.max(table.c.id))) or 0) + 1
        return list(range(first, first + n))
    drawn = text("SELECT array_agg(nextval(pg_get_serial_sequence(:name, 'id'))) FROM generate_series(1, :n)")
    return cast(list[int], db.scalar(drawn, {"name": f'"{table.name}"', "n": n}))


@contextmanager
def growing(db: Session, table: Table, n: int) -> Iterator[None]:
    """Around the insertion of n rows in this transaction: SQLite's indexes are dropped before and made again after.

    SQLite takes back a dropped index with the transaction, and its readers keep their view: nobody ever misses one.
    """
    if not is_sqlite(db):
        yield
        if n >= ANALYZE_FROM:
            db.execute(text(f'ANALYZE "{table.name}"'))
        return
    indexes = _indexes(db, table) if n >= REBUILD_FROM and n >= _rows(db, table) else []
    for name, _ in indexes:
        db.execute(text(f'DROP INDEX "{name}"'))
    yield
    for _, definition in indexes:
        db.connection().exec_driver_sql(definition)


def _indexes(db: Session, table: Table) -> list[tuple[str, str]]:
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :name AND sql IS NOT NULL")
    return [(name, definition) for name, definition in db.execute(query, {"name": table.name})]


def _rows(db: Session, table: Table) -> int:
    """No less than the rows there are: SQLite numbers them by itself, and counting reads them all."""
    return cast(int, db.scalar(select(func.max(text("rowid"))).select_from(table)) or 0)
