"""What a failure of the machine below means to whoever asked: no room on the disk (507), or a part that is away (503).

Neither is a fault of the request, and nothing of it was stored: the same request may be sent again.
"""

import sqlite3

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import BadInput, Conflict, NoRoom, Refusal, Unavailable
from app.storage import FULL, StorageAway

# SQLite tells a disk that is full while its shared memory grows as an input/output error, not as SQLITE_FULL.
SQLITE_FULL = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC"}
NO_ROOM = "There is no room left on the server's disk. Nothing of this was stored; send it again when there is room."
AWAY = "The database does not answer at the moment. Nothing of this was stored; send it again."
AT_ONCE = "Somebody else changed this at the same moment. Nothing of it was stored; look again."
UNKEPT = "It holds a value that the database cannot keep. Nothing of it was stored."
BUSY = "The database is too busy at the moment. Nothing of this was stored; send it again."
STORAGE = "The storage does not answer at the moment. Nothing of this was stored; send it again."
KINDS: tuple[type[Exception], ...] = (DBAPIError, PoolTimeout, OSError, StorageAway)


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that this failure is to a client; None for what is a fault of ours."""
    if isinstance(error, OSError):
        return NoRoom(NO_ROOM) if error.errno in FULL else None
    if isinstance(error, StorageAway):
        return Unavailable(STORAGE)
    if isinstance(error, PoolTimeout):
        return Unavailable(BUSY)
    if isinstance(error, DBAPIError):
        return _of_database(error)
    return None


def is_away(error: BaseException) -> bool:
    """Whether the database did not answer, or could not write: what a moment may change."""
    return isinstance(error, Exception) and refusal_of(error) is not None


def _of_database(error: DBAPIError) -> Refusal | None:
    cause = error.orig
    if isinstance(error, IntegrityError):  # what it pointed at is gone, or somebody else was first
        return Conflict(AT_ONCE)
    if isinstance(error, DataError):  # a NUL, or a number beyond the column's
        return BadInput(UNKEPT)
    if isinstance(cause, sqlite3.Error):
        if getattr(cause, "sqlite_errorname", "") in SQLITE_FULL:
            return NoRoom(NO_ROOM)
        return Unavailable(AWAY) if isinstance(cause, sqlite3.OperationalError) and _is_passing(cause) else None
    if isinstance(cause, psycopg.errors.DiskFull):
        return NoRoom(NO_ROOM)
    if isinstance(cause, psycopg.errors.OperationalError) or error.connection_invalidated:
        return Unavailable(AWAY)
    return Unavailable(AWAY) if isinstance(error, (InterfaceError, OperationalError)) else None


def _is_passing(cause: sqlite3.Error) -> bool:
    """Whether it is about the file, the disk or another writer, and not about the statement."""
    name = getattr(cause, "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PROTOCOL"))
