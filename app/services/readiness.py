"""Whether this process can do its work: each part that a request or a round needs, asked, and what is wrong with it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import func, select, text

from app import files, jobs, store
from app.db import reading
from app.models import Worker
from app.settings import current

OK = "ok"
HEARD_WITHIN = timedelta(seconds=30)  # a worker says every five seconds that it lives


class NotReady(Exception):
    """A part that cannot do its work; the message says why, and names no secret."""


def look() -> dict[str, str]:
    """Each part, and `ok` or why not. Nothing raises: whatever goes wrong means not ready."""
    parts: dict[str, Callable[[], None]] = {
        "database": _database,
        "broker": _broker,
        "data_directory": _data_directory,
        **({"storage": _storage} if files.bucket() is not None else {}),
        "workers": _workers,
    }
    return {name: _try(part) for name, part in parts.items()}


def _try(part: Callable[[], None]) -> str:
    try:
        part()
    except NotReady as why:
        return str(why)
    except Exception as error:
        return type(error).__name__  # an address or a password may stand in its words
    return OK


@lru_cache(maxsize=1)
def _revisions() -> tuple[str, ...]:
    from app import migrate  # Alembic costs every web process memory that most never use

    return migrate.revisions()


def _database() -> None:
    """It answers, and is at this version's newest migration.

    One that this version does not know is newer: while a new version is rolled out, the old processes go on.
    """
    with reading() as db:
        found = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found in _revisions()[1:] or found is None:
        raise NotReady(f"at migration {found}, not {_revisions()[0]}")


def _broker() -> None:
    with jobs.celery.connection_for_write(transport_options={"socket_connect_timeout": 1}) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=2)
        connection.default_channel.client.ping()


def _data_directory() -> None:
    """It can be written, and has room."""
    with store.temporary() as path:
        path.write_bytes(b"ready?")
    free = shutil.disk_usage(store.root()).free
    if free < current().least_free_bytes:
        raise NotReady(f"{free // 2**20} MiB free")


def _storage() -> None:
    """It takes an object, gives it back, and lets it go."""
    path = store.root() / "uploads" / f"ready-{store.new_name()}"
    store.write_many({path: b"ready?"})
    if files.read(path) != b"ready?":
        raise NotReady("gives other bytes than it was given")
    store.delete(path)


def _workers() -> None:
    """A worker for rounds was heard of lately; a system that was started without any wants none."""
    if current().workers == 0:
        return
    with reading() as db:
        last = db.scalar(select(func.max(Worker.seen_at)).where(Worker.queues.contains(jobs.ROUNDS)))
    if last is None:
        raise NotReady("never heard of")
    silent = datetime.now(UTC) - last
    if silent > HEARD_WITHIN:
        raise NotReady(f"silent for {int(silent.total_seconds())} s")
