"""The database: engines, and `transaction()`, the only commit in the code; `together()` is its form for what is short.

SQLite waits for the disk at every commit: an acknowledged label survives a power cut, as it does on PostgreSQL.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.orm import Session, sessionmaker

from app import jobs
from app.checkpoints import MOST_PAGES, Checkpointer
from app.group import Group
from app.hands import Hands
from app.settings import Settings, current
from app.turns import FairLock, HostLock

T = TypeVar("T")

# Endpoints run in a pool of 40 threads; on SQLite, where a connection costs nothing, each has one.
POOL_SIZE = 40
# A connection that was used within so many seconds is not asked again whether it lives: that is one more round trip.
TRUSTED_SECONDS = 5.0


class Database:
    """The engines of one database: one that writes, one that only reads, and the lock between writers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.writing = _sqlite(url, "BEGIN IMMEDIATE") if self.is_sqlite else _postgresql(url)
        self.reading = _sqlite(url, "BEGIN") if self.is_sqlite else self.writing
        self.looking_up = self.writing if self.is_sqlite else _for_look_ups(url)
        self.write_session = sessionmaker(self.writing, expire_on_commit=False)
        self.read_session = sessionmaker(self.reading, expire_on_commit=False)
        self.short_session = sessionmaker(self.looking_up, expire_on_commit=False)
        file = self.writing.url.database if self.is_sqlite else None
        lock = HostLock(Path(f"{file}-turn")) if file and file != ":memory:" else None
        self.turn: HostLock | FairLock | nullcontext[None] = lock or (FairLock() if self.is_sqlite else nullcontext())
        self.checkpointer = Checkpointer(file) if file and file != ":memory:" else None
        self.group = Group(self) if self.is_sqlite else None
        self.hands = Hands(_for_short_work())

    def close(self) -> None:
        """Finish what waits, and close every pooled connection."""
        if self.group is not None:
            self.group.close()
        self.hands.close()
        if self.checkpointer is not None:
            self.checkpointer.close()
        for engine in (self.writing, self.reading, self.looking_up):
            engine.dispose()
        if isinstance(self.turn, HostLock):
            self.turn.close()


def _sqlite(url: str, begin: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": 30},
        hide_parameters=True,  # what people wrote, and the hashes of keys, stay out of the log
        json_serializer=to_json,
        json_deserializer=orjson.loads,
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=wal",
            "synchronous=full",
            "foreign_keys=on",
            "busy_timeout=30000",
            f"wal_autocheckpoint={MOST_PAGES}",
        ):
            connection.execute(f"pragma {pragma}")
        if begin == "BEGIN":
            connection.execute("pragma query_only=on")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _for_look_ups(url: str) -> Engine:
    """PostgreSQL for the statements of `together()`, which find everything by a key.

    Planning one anew takes as long as executing it, and is done for tables that were small when the database looked
    last; there is one right plan for each, and it is kept.
    """
    engine = _postgresql(url, _for_short_work())

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET plan_cache_mode = force_generic_plan")
            for way in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit"):
                cursor.execute(f"SET {way} = off")
        connection.commit()

    return engine


def _for_short_work() -> int:
    """Connections for `together()`, and as many threads: those who wait come in by their turn.

    With more threads than connections they would fight for them, and some would wait ten times as long as others.
    """
    return current().database_connections * 2 // 3


def _postgresql(url: str, connections: int = 0) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections or max(2, current().database_connections // 3),
        max_overflow=0,
        pool_recycle=1800,
        hide_parameters=True,  # what people wrote, and the hashes of keys, stay out of the log
        json_serializer=to_json,
        json_deserializer=orjson.loads,
    )

    @event.listens_for(engine, "checkin")
    def _checkin(_connection: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used_at", time.monotonic()) < TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.DisconnectionError from error  # the pool opens another, and forgets the ones like it

    return engine


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


async def together(work: Callable[[Session], T]) -> T:
    """What `work` gives, once its transaction is committed: for the short work that people wait for.

    On SQLite what waits at the same moment shares a transaction, each in a savepoint of its own. `work` may be done
    again where a connection turns out to be dead. Its jobs are sent a moment after the commit.
    """
    base = database()
    if base.group is not None:
        return await base.group.run(work)
    return await base.hands.run(lambda: _alone(base, work))


def _alone(base: Database, work: Callable[[Session], T]) -> T:
    try:
        return _committed(base, work)
    except exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _committed(base, work)  # the database was restarted since; its pool is new by now


def _committed(base: Database, work: Callable[[Session], T]) -> T:
    with base.short_session() as db:
        with db.begin():
            result = work(db)
        remembered = jobs.take(db)
    jobs.send_soon(remembered)
    return result


@contextmanager
def reading() -> Iterator[Session]:
    """A session for queries only: it never waits for a writer and never commits."""
    with database().read_session() as db:
        yield db
