"""Local copies of what lies in the shared storage: by name and version, so that none is another's, in bounded room.

A copy is mapped or read like any file. The longest unused go first, but none that somebody may be about to open.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4

from app.settings import current
from app.storage import Bucket

_UNUSED_SECONDS = 3600.0  # a round maps its features block by block: what it is at must not go away under it
_MEDIUM_SECONDS = 60.0  # a picture is opened a moment after it was asked for, and never again
_added = {"bytes": 0}  # by this process since it last looked


def folder() -> Path:
    """Where they lie."""
    return current().data_dir.absolute() / "copies"


def of(bucket: Bucket, name: str, beside: str | None = None, is_fixed: bool = False) -> Path:
    """A local file with an object's present bytes. Raises FileNotFoundError.

    beside: another object, to lie in the same folder under its own name; it may be missing.
    is_fixed: the name says the bytes, so that a copy need not be compared with what is there now.
    """
    known = place(name, "fixed") if is_fixed else None
    if known is not None and _use(known):
        return known
    version, size, _ = ("fixed", None, 0.0) if is_fixed else bucket.look(name)
    path = place(name, version)
    if beside is not None and not _use(path.with_name(Path(beside).name)):
        with suppress(FileNotFoundError):
            _fetch(bucket, beside, path.with_name(Path(beside).name), None)
    if not _use(path):
        _fetch(bucket, name, path, size)
    return path


def place(name: str, version: str) -> Path:
    """Where the copy of one version lies."""
    whole = folder() / name
    return whole.parent / version / whole.name


def adopt(name: str, version: str, source: Path) -> None:
    """Make a local file, which was just sent, the copy of that version; the file is gone from where it was."""
    path = place(name, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    _note(source.stat().st_size)
    source.replace(path)


def _use(path: Path) -> bool:
    """Whether a copy is there; it counts as used now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _fetch(bucket: Bucket, name: str, path: Path, size: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = current().data_dir.absolute() / "tmp" / f".part-{uuid4().hex}"
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        bucket.get(name, part, size)
        _note(part.stat().st_size)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _note(size: int) -> None:
    _added["bytes"] += size
    if _added["bytes"] > min(current().copies_bytes // 16, 2**30):
        _added["bytes"] = 0
        trim(time.time())


def _all() -> Iterator[tuple[float, int, Path]]:
    """Each copy: when it was used last, its size, its path."""
    for where, _, names in os.walk(folder()):  # rglob ends with an error where a folder is taken from under it
        for path in (Path(where) / name for name in names):
            with suppress(FileNotFoundError):
                told = path.stat()
                if S_ISREG(told.st_mode):
                    yield told.st_mtime, told.st_size, path


def size() -> int:
    """How many bytes all copies take."""
    return sum(size for _, size, _ in _all())


def trim(now: float) -> int:
    """Delete the longest unused copies until they fit `copies_bytes`; returns how many bytes are left."""
    found = list(_all())
    total = sum(size for _, size, _ in found)
    limit = current().copies_bytes
    if total <= limit:
        return total
    media = folder() / "media"
    for used, size, path in sorted(found):
        if total <= limit * 0.9:
            break
        if now - used > (_MEDIUM_SECONDS if path.is_relative_to(media) else _UNUSED_SECONDS):
            path.unlink(missing_ok=True)
            total -= size
    return total
