"""The database: engines, and `transaction()`, the only commit in the code.

SQLite takes one writer at a time. Its own busy handler sleeps and wakes in no order, so that with several
writers the unlucky ones wait for seconds; a fair lock in front of write transactions gives each its turn.
"""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import orjson
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from app import jobs
from app.settings import Settings, current

# Sync endpoints run in a pool of 40 threads; a connection for each, and none waits for another.
POOL_SIZE = 40


class FairLock:
    """A lock that serves its waiters in the order in which they came."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._mutex:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()  # the holder before us opens it, and hands over the lock with it

    def __exit__(self, *_: object) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class Database:
    """The engines of one database: one that writes, one that only reads, and the lock between writers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.writing = _sqlite(url, "BEGIN IMMEDIATE") if self.is_sqlite else _postgresql(url)
        self.reading = _sqlite(url, "BEGIN") if self.is_sqlite else self.writing
        self.write_session = sessionmaker(self.writing, expire_on_commit=False)
        self.read_session = sessionmaker(self.reading, expire_on_commit=False)
        self.turn: FairLock | nullcontext[None] = FairLock() if self.is_sqlite else nullcontext()

    def close(self) -> None:
        """Close every pooled connection."""
        self.writing.dispose()
        self.reading.dispose()


def _sqlite(url: str, begin: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": 30},
        json_serializer=to_json,
        json_deserializer=orjson.loads,
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on", "busy_timeout=30000"):
            connection.execute(f"pragma {pragma}")
        if begin == "BEGIN":
            connection.execute("pragma query_only=on")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgresql(url: str) -> Engine:
    return create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_pre_ping=True,
        pool_recycle=1800,
        json_serializer=to_json,
        json_deserializer=orjson.loads,
    )


def to_json(value: Any) -> str:
    """JSON as the databases get it; numbers beyond 64 bits take the slower way, for orjson refuses them."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)


_database: Database | None = None
_opening = threading.Lock()


def database() -> Database:
    """The database of this process, opened at first use."""
    global _database
    with _opening:
        if _database is None:
            _database = open_database(current())
        return _database


def open_database(settings: Settings) -> Database:
    """A Database for these settings; makes the data directory that SQLite needs."""
    if not settings.database_url:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    return Database(settings.database)


def use(other: Database | None) -> None:
    """Make `other` this process's database (tests, commands); None forgets the present one."""
    global _database
    with _opening:
        if _database is not None and _database is not other:
            _database.close()
        _database = other


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that commits at the end of the block, or rolls back if it raises; then sends the remembered jobs."""
    base = database()
    with base.turn, base.write_session() as db:
        with db.begin():
            yield db
        remembered = jobs.take(db)
    jobs.send(remembered)


@contextmanager
def reading() -> Iterator[Session]:
    """A session for queries only: it never waits for a writer and never commits."""
    with database().read_session() as db:
        yield db
