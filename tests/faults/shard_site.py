"""A system with two workers and a pool that is scored in many shards, and workers caught inside a shard."""

import fcntl
import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import psycopg.errors
from sqlalchemy import select

from app.db import Database
from app.models import Project, Round, Shard, Worker
from tests.loop.client import Client, export, make_project
from tests.loop.data import table
from tests.loop.deployed import deployed
from tests.loop.system import PLACES, Place, accounts, missing, running, wait_until
from tests.services import s3

ROWS, SHARD_ROWS = 2400, 20
PATIENCE = 180.0
# Longer than a busy machine keeps a living worker from a sign of life, and short enough to be waited for.
SETTINGS = {"MARGINALIA_SHARD_ROWS": str(SHARD_ROWS), "MARGINALIA_HEARTBEAT_SECONDS": "12", "OMP_NUM_THREADS": "1"}


@dataclass
class Site:
    """The running system, its lead, and a database connection of the test's own."""

    place: Place
    database: Database
    lead: Client
    project: int
    told: Callable[[], str]

    def wait(self, is_so: Callable[[], bool]) -> None:
        wait_until(is_so, self.told, PATIENCE)

    def ask(self) -> None:
        """Ask for a round."""
        self.lead.call("POST", f"/projects/{self.project}/rounds")

    def rounds(self) -> list[dict[str, Any]]:
        """As the API shows them, newest first."""
        found: list[dict[str, Any]] = self.lead.call("GET", f"/projects/{self.project}/rounds?limit=20")["rounds"]
        return found

    def queue_round(self) -> Round:
        """The round whose queue is asked."""
        with self.database.read_session() as db:
            return db.get_one(Round, db.get_one(Project, self.project).queue_round_id or 0)

    def shards(self) -> list[Shard]:
        """Those of scoring that are there."""
        with self.database.read_session() as db:
            return list(db.scalars(select(Shard).where(Shard.kind == "score").order_by(Shard.start)))

    def predictions(self) -> list[Any]:
        """What is exported of every item."""
        return [line["prediction"] for line in export(self.lead, self.project)]

    def caught(self, is_holder: bool) -> int:
        """Stop a worker inside a shard, between its two transactions: the round's own one, or another. Its pid."""
        found: list[int] = []
        self.wait(lambda: bool(found) or self._catch(is_holder, found))
        return found[0]

    def _catch(self, is_holder: bool, found: list[int]) -> bool:
        with self.database.read_session() as db:
            one = db.scalar(select(Round).where(Round.state == "open"))
            held = list(db.scalars(select(Shard).where(Shard.kind == "score", Shard.owner.is_not(None))))
        for shard in held:
            pid = pid_of(shard.owner)
            if one is None or (pid == pid_of(one.owner)) is not is_holder:
                continue
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self.wait(lambda pid=pid: _is_stopped(pid))  # type: ignore[misc]  # a thread may run on for a moment
                if self._is_computing(shard):
                    found.append(pid)
                    return True
                os.kill(pid, signal.SIGCONT)
        return False

    def _is_computing(self, shard: Shard) -> bool:
        """Whether it is still held, and nobody is in a transaction about it."""
        query = f"SELECT owner FROM shard WHERE id = {shard.id} AND NOT is_done"  # a number
        if self.database.is_sqlite:
            return self._asked_in_turn(query) == (shard.owner,)
        with suppress(psycopg.errors.LockNotAvailable), psycopg.connect(self.place.database_url) as served:
            return served.execute(query + " FOR UPDATE NOWAIT").fetchone() == (shard.owner,)
        return False

    def _asked_in_turn(self, query: str) -> Any:
        """What SQLite says while nobody else writes; None where somebody does."""
        path = self.place.folder / "marginalia.sqlite3"
        with ExitStack() as stack:
            turn = stack.enter_context(Path(f"{path}-turn").open("a"))
            connection = stack.enter_context(closing(sqlite3.connect(path, timeout=0)))
            stack.enter_context(suppress(BlockingIOError, sqlite3.OperationalError))
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            connection.execute("BEGIN IMMEDIATE")
            return connection.execute(query).fetchone()
        return None

    def until_idle(self, pid: int) -> None:
        """Until a worker that goes on again says that it has finished what it was at."""
        since = datetime.now(UTC)

        def is_idle() -> bool:
            with self.database.read_session() as db:
                query = select(Worker).where(Worker.name.endswith(f".{pid}"), Worker.seen_at > since)
                return any(one.doing is None for one in db.scalars(query))

        self.wait(is_idle)


def _is_stopped(pid: int) -> bool:
    """Whether each of its threads has stopped: one that has not may still begin a transaction."""
    told = [(one / "stat").read_text().rpartition(")")[2].split()[0] for one in Path(f"/proc/{pid}/task").iterdir()]
    return set(told) == {"T"}


def pid_of(owner: str | None) -> int:
    """The process that an owner's name speaks of."""
    return int((owner or "").split(":")[1])


def missing_for(kind: str) -> str:
    """Why a site of this kind cannot be run here; empty where it can."""
    return missing("sqlite" if kind == "embedded" else "postgresql")


@contextmanager
def made(kind: str, folder: Path) -> Iterator[Site]:
    """A project that has learned from imported labels: `embedded` in `marginalia up`, `deployed` as docker-compose
    starts it, or `bucket`: each part a host that shares nothing with the others but a bucket of S3.
    """
    with ExitStack() as stack:
        bare = stack.enter_context(PLACES["sqlite" if kind == "embedded" else "postgresql"](folder))
        settings = dict(SETTINGS)
        if kind == "bucket":
            port = stack.enter_context(s3.serving())
            settings["MARGINALIA_STORAGE"] = s3.new_bucket(port)
            settings["MARGINALIA_STORAGE_OPTIONS"] = json.dumps(s3.options(port))
        place = replace(bare, settings=settings)
        if kind == "embedded":
            told = stack.enter_context(running(place, "--workers", "2")).told
        else:
            told = stack.enter_context(deployed(place, is_each_a_host=kind == "bucket")).told
        token, _ = accounts(place, 0)
        database = place.database()
        stack.callback(database.close)
        lead = stack.enter_context(Client(place.address, token, PATIENCE))
        site = Site(place, database, lead, 0, told)
        _fill(site)
        yield site


def _fill(site: Site) -> None:
    data = table(ROWS)
    site.project = make_project(site.lead, data.modality, data.classes, {}, encoder={"name": "columns"})
    lines = [{**row, "label": data.truth[row["id"]] if n < 60 else None} for n, row in enumerate(data.rows)]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    address = f"/projects/{site.project}/items?external_id=id&label=label"
    assert site.lead.call("POST", address, body, "application/x-ndjson")["added"] == ROWS

    def has_learned() -> bool:
        last = next((one for one in site.rounds() if one["state"] == "published"), None)
        return last is not None and last["labels_used"] == 60 and last["pool_size"] == ROWS - 60

    site.wait(has_learned)
    site.wait(lambda: site.queue_round().measured_at is not None)
