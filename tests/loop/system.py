"""A real system as a child process: where it lives, how it is started, killed in parts or whole, and stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import redis

from app.db import Database
from app.services import users
from app.settings import Settings

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
POSTGRES = os.environ.get("MARGINALIA_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("MARGINALIA_TEST_REDIS", "redis://127.0.0.1:6379/0")
# What stands in a child's command line, by the name under which a test speaks of it.
MARKS = {
    "broker": "valkey-server",
    "web": "app.cli web",
    "rounds": "-Q rounds",
    "encoding": "-Q encoding",
    "beat": " beat ",
}


@dataclass(frozen=True)
class Place:
    """Where one system keeps everything, so that it can be started there again after it was killed."""

    folder: Path
    port: int
    database_url: str = ""
    redis_url: str = ""
    redis_prefix: str = "marginalia"
    settings: Mapping[str, str] = field(default_factory=dict)  # more of the environment

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """This place and nothing of the shell's own: a DATABASE_URL out there must not be written to."""
        ours = ("MARGINALIA_", "DATABASE_URL", "REDIS_URL")
        found = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **found,
            "PYTHONPATH": str(ROOT),  # this checkout, not whichever one is installed
            "MARGINALIA_DATA_DIR": str(self.folder),
            "MARGINALIA_DATABASE_URL": self.database_url,
            "MARGINALIA_REDIS_URL": self.redis_url,
            "MARGINALIA_REDIS_PREFIX": self.redis_prefix,
            **self.settings,
        }

    def database(self) -> Database:
        """A connection of the test's own, to see what is stored; the caller closes it."""
        told = {"data_dir": self.folder, "database_url": self.database_url}
        return Database(Settings.model_validate(told).database)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The command line, run on this place."""
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *words],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


class System:
    """`marginalia up` at a place; after a kill it can be started there again."""

    def __init__(self, place: Place, *options: str) -> None:
        self.place, self.options = place, options
        place.folder.mkdir(parents=True, exist_ok=True)
        self.output = place.folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it says that it is up."""
        place = self.place
        command = [sys.executable, "-m", "app.cli", "up", "--port", str(place.port), *self.options]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=place.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: "Ctrl-C" in self.told() or not self.is_running, self.told)
        assert self.is_running, self.told()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def told(self) -> str:
        return self.output.read_text()

    def children(self) -> dict[str, int]:
        """Name and process id of every child that lives; of several with one name, one."""
        return dict(self.every_child())

    def every_child(self) -> list[tuple[str, int]]:
        """The same, of several with one name each."""
        assert self.process is not None
        found = []
        for pid, parent, command in processes():
            if parent == self.process.pid:
                found += [(name, pid) for name, mark in MARKS.items() if mark in command]
        return found

    def kill(self, *names: str) -> list[str]:
        """kill -9 of all children with these names; returns the names that had one to be killed."""
        living = self.every_child()
        for name, pid in living:
            if name in names:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return [name for name in names if name in dict(living)]

    def kill_parent(self) -> None:
        """kill -9 of the parent; returns when its children have gone with it."""
        assert self.process is not None
        everything = self.children().values()
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not {pid for pid, _, _ in processes()} & set(everything))

    def stop(self) -> None:
        """Stop as an operator does; whatever does not end in time is killed, for tests must leave nothing."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill_parent()


def wait_until(is_so: Callable[[], bool], tell: Callable[[], str] = str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, f"not within {patience:.0f} s: {tell()}"
        time.sleep(0.05)


def processes() -> Iterator[tuple[int, int, str]]:
    """(process, parent, command line) of everything that lives."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            if state != "Z":
                yield int(entry.name), int(parent), command


@contextmanager
def running(place: Place, *options: str) -> Iterator[System]:
    """A system that is up, and gone after the block."""
    system = System(place, *options)
    try:
        system.start()
        yield system
    finally:
        system.stop()


@contextmanager
def embedded(folder: Path) -> Iterator[Place]:
    """SQLite and a broker of its own."""
    yield Place(folder, free_port())


@contextmanager
def served(folder: Path) -> Iterator[Place]:
    """A scratch database in PostgreSQL and a prefix of its own in Redis, both gone after the block."""
    name = f"marginalia_loop_{uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        url = f"{POSTGRES.rsplit('/', 1)[0]}/{name}"
        yield Place(folder, free_port(), url, REDIS, name)
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        with redis.Redis.from_url(REDIS) as client:
            for key in client.scan_iter(f"{name}:*"):
                client.delete(key)


PLACES = {"sqlite": embedded, "postgresql": served}


def missing(kind: str) -> str:
    """Why a system of this kind cannot be run here; empty where it can."""
    if not Path("/proc/self/stat").exists():
        return "processes are looked up in /proc"
    if kind == "sqlite":
        return ""
    try:
        psycopg.connect(POSTGRES, connect_timeout=2).close()
        with redis.Redis.from_url(REDIS, socket_connect_timeout=2) as client:
            client.ping()
    except (psycopg.Error, redis.RedisError) as error:
        return f"MARGINALIA_TEST_POSTGRES and MARGINALIA_TEST_REDIS do not both answer: {type(error).__name__}"
    return ""


def free_port() -> int:
    """A port that is free now; fixed, so that people find a restarted system where the killed one was."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def accounts(place: Place, people: int) -> tuple[str, dict[str, str]]:
    """A lead's token, and the tokens of so many annotators by e-mail address."""
    database, now = place.database(), datetime.now(UTC)
    try:
        with database.write_session.begin() as db:
            names = ["lead", *(f"annotator{i + 1}" for i in range(people))]
            made = [users.add_user(db, f"{name}@example.org", name, uuid4().hex, name == "lead", now) for name in names]
            db.flush()
            tokens = [users.create_token(db, user.id, "test", "all", None, now) for user in made]
    finally:
        database.close()
    return tokens[0], {f"{name}@example.org": token for name, token in zip(names[1:], tokens[1:], strict=True)}
