"""The journal of a check: what was read of an archive, kept by its content, so that an interrupted check goes on.

Whoever sends the same bytes with the same wishes again, or presses the button again, finds it; after a day it is gone.
"""

import json
import os
import sys
import time
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from app import log, store

SECONDS = 2.0  # of work that a kill may cost
_VERSION = (2, *sys.version_info[:2])  # of the rows' form, which is Python's own
_log = log.get(__name__)


class Journal:
    """Three files: the rows, their digests, and a state that says how much of both counts."""

    def __init__(self, stem: Path, rows: IO[bytes], digests: IO[bytes]) -> None:
        self.stem, self.rows, self.digests = stem, rows, digests
        self.passed = 0
        self.refused: tuple[int, list[dict[str, Any]]] = (0, [])
        self._written = time.monotonic()
        self._read()

    @classmethod
    def of(cls, path: Path, told: list[Any]) -> "Journal | None":
        """The journal of a file's content under these wishes; None where another check is at it, or none can be."""
        stem = store.folder("checks") / f"{_digest(path, told)}.check"
        rows = _opened(stem.with_suffix(".rows"))
        if not _is_locked(rows):  # not on a system without such locks, nor on storage without
            rows.close()
            return None
        return cls(stem, rows, _opened(stem.with_suffix(".digests")))

    def _read(self) -> None:
        """Begin where the last state was written; what came after it does not count."""
        try:
            state = json.loads(self.stem.with_suffix(".state").read_bytes())
            ends = state["rows"], state["digests"]
            if any(file.seek(0, 2) < end for file, end in zip((self.rows, self.digests), ends, strict=True)):
                raise ValueError("shorter than told")
            self.passed, self.refused = state["passed"], (state["refused"], state["errors"])
            _log.info("a check goes on", passed=self.passed)
        except (OSError, ValueError, KeyError):
            ends = 0, 0
        for file, end in zip((self.rows, self.digests), ends, strict=True):
            file.truncate(end)
            file.seek(end)

    def is_due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._written >= SECONDS

    def write(self, passed: int, refused: int, errors: list[dict[str, Any]]) -> None:
        """Say that so many rows of the file are here: first what is told of, then the telling."""
        for file in (self.rows, self.digests):
            file.flush()
            os.fsync(file.fileno())
        state = {"passed": passed, "refused": refused, "errors": errors}
        state |= {"rows": self.rows.tell(), "digests": self.digests.tell()}
        with store.writing(self.stem.with_suffix(".state")) as file:
            file.write(json.dumps(state).encode())
        self._written = time.monotonic()

    def forget(self) -> None:
        """The check is over."""
        for suffix in (".state", ".rows", ".digests"):
            self.stem.with_suffix(suffix).unlink(missing_ok=True)


def _opened(path: Path) -> IO[bytes]:
    path.touch()
    return path.open("r+b")


def _is_locked(file: IO[bytes]) -> bool:
    """Whether this process alone has it; a lock goes with its process, however that ends."""
    try:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _digest(path: Path, told: list[Any]) -> str:
    found = blake2b(json.dumps([_VERSION, told], sort_keys=True).encode(), digest_size=20)
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            found.update(chunk)
    return found.hexdigest()
