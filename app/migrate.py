"""Bringing a database to the newest schema, beside a system that runs.

On PostgreSQL each migration is a transaction of its own that waits a few seconds for a lock, at most: whoever waits
for a lock makes everybody behind wait too. It gives up and tries again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app import log
from app.db import database
from app.errors import Unavailable

FOLDER = Path(__file__).parent.parent / "migrations"
LOCK_TIMEOUT = "4s"
TRIES, PAUSE_SECONDS = 15, 1.0
TURN = 7240111  # the advisory lock: one migrates at a time
TURN_SECONDS = 600.0

_log = log.get(__name__)


def config() -> Config:
    """Alembic's configuration, without a file of its own."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return made


def revisions() -> tuple[str, ...]:
    """The migrations that this version knows, newest first."""
    from alembic.script import ScriptDirectory

    return tuple(one.revision for one in ScriptDirectory.from_config(config()).walk_revisions())


def upgrade(revision: str = "head") -> None:
    """Migrate this process's database up to a revision. Raises Unavailable where others hold the locks for too long."""
    _run(lambda made: command.upgrade(made, revision))


def downgrade(revision: str) -> None:
    """Migrate it down."""
    _run(lambda made: command.downgrade(made, revision))


def _run(step: Callable[[Config], None]) -> None:
    with database().writing.connect() as connection:
        if connection.dialect.name != "postgresql":
            _once(connection, step)  # one transaction, begun as a writer: a second migrator waits for its end
            return
        with _turn(connection):
            _patiently(connection, step)


def _once(connection: Connection, step: Callable[[Config], None]) -> None:
    made = config()
    made.attributes["connection"] = connection
    step(made)
    connection.commit()


def _patiently(connection: Connection, step: Callable[[Config], None]) -> None:
    """Try again where a lock was not to be had: what is done stays done, the rest follows."""
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    connection.commit()
    try:
        for left in reversed(range(TRIES)):
            try:
                _once(connection, step)
                return
            except OperationalError as error:
                connection.rollback()
                if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                    raise
                if not left:
                    raise Unavailable("The migration does not get its locks: somebody holds them for long.") from None
                _log.warning("migration waits for a lock", tries_left=left)
                time.sleep(PAUSE_SECONDS)
    finally:
        connection.exec_driver_sql("RESET lock_timeout")
        connection.commit()


@contextmanager
def _turn(connection: Connection) -> Iterator[None]:
    """Two that start at once take turns; the second finds nothing left to do.

    Asked for again and again: one that waits inside PostgreSQL would hold up CREATE INDEX CONCURRENTLY, which waits
    for every transaction that is older.
    """
    deadline = time.monotonic() + TURN_SECONDS
    while not _ask(connection, f"SELECT pg_try_advisory_lock({TURN})"):
        if time.monotonic() > deadline:
            raise Unavailable("Another migration runs, and does not end.")
        time.sleep(0.2)
    try:
        yield
    finally:
        if not connection.closed and not connection.invalidated:
            connection.rollback()
            _ask(connection, f"SELECT pg_advisory_unlock({TURN})")


def _ask(connection: Connection, query: str) -> Any:
    found = connection.exec_driver_sql(query).scalar()
    connection.commit()
    return found
