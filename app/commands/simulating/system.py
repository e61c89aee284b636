"""A real system for one simulation: embedded, in a folder of its own, on a free port, and gone afterwards."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from app.db import Database
from app.errors import Unavailable
from app.processes import Child, last_lines
from app.settings import Settings

PATIENCE = 120.0
GRACE = 30.0


@dataclass(frozen=True)
class System:
    """Where it answers, where its data are, and who may do what there."""

    address: str
    folder: Path
    lead: str
    people: dict[str, str]  # an e-mail address each, and its token

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A connection of our own, to see what is stored."""
        database = Database(_settings(self.folder).database)
        try:
            yield database
        finally:
            database.close()


@contextmanager
def running(folder: Path, people: int) -> Iterator[System]:
    """`marginalia up` in this folder, and its accounts; every process of it has ended after the block.

    It is tied to this process: even a kill -9 of it leaves nothing behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "up.log"
    argv = [sys.executable, "-P", "-m", "app.cli", "up", "--port", "0", "--data-dir", str(folder)]
    child = Child("system", argv, stage=0)
    child.start(_environment(folder), folder, log)
    try:
        address = _wait(child, log)
        lead, tokens = _accounts(folder, people)
        yield System(address, folder, lead, tokens)
    finally:
        _end(child)


def _environment(folder: Path) -> dict[str, str]:
    """This place and nothing of the shell's own: a DATABASE_URL out there must not be written to."""
    ours = ("MARGINALIA_", "DATABASE_URL", "REDIS_URL")
    found = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    empty = {"MARGINALIA_DATABASE_URL": "", "MARGINALIA_REDIS_URL": ""}
    return {**found, **empty, "MARGINALIA_DATA_DIR": str(folder), "PYTHONPATH": _code()}


def _code() -> str:
    """Where the package lies, for a child that works elsewhere."""
    return os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])])


def _settings(folder: Path) -> Settings:
    return Settings.model_validate({"data_dir": folder, "database_url": "", "redis_url": ""})


def _wait(child: Child, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while child.is_running and time.monotonic() < deadline:
        found = re.search(r"runs at http://(\S+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise Unavailable(f"The system did not start; it said:\n{last_lines(log)}")


def _end(child: Child) -> None:
    child.send(signal.SIGTERM)
    try:
        if child.process is not None:
            child.process.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.send(signal.SIGKILL)
    finally:
        child.send(signal.SIGKILL)  # a second Ctrl-C while we waited; its children are tied to it


def _accounts(folder: Path, people: int) -> tuple[str, dict[str, str]]:
    """A lead's token, and the tokens of so many annotators by e-mail address."""
    from app.services import users

    database, now = Database(_settings(folder).database), datetime.now(UTC)
    try:
        with database.write_session.begin() as db:
            names = ["lead", *(f"annotator{i + 1}" for i in range(people))]
            made = [users.add_user(db, f"{name}@example.org", name, uuid4().hex, name == "lead", now) for name in names]
            db.flush()
            tokens = [users.create_token(db, user.id, "simulation", "all", None, now) for user in made]
    finally:
        database.close()
    return tokens[0], {f"{name}@example.org": token for name, token in zip(names[1:], tokens[1:], strict=True)}
