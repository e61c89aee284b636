"""The store's files by their paths: written whole, read, listed and deleted, in a plain folder or in shared storage.

A path below the root is a file's name, wherever it lies. In a plain folder it is the file itself, as fast as ever.
Where the setting `storage` is a URL, what all hosts share lies there, `local` gives a copy to read or map, and the
rest, which is of this host alone, stays in the data directory.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from app import copies, storage
from app.settings import current

SHARED = ("media", "projects", "uploads", "left")
AT_ONCE = 64  # small objects that are sent or fetched together
AT_ONCE_BYTES = 32 * 2**20
_SMALL = 2 * 2**20
_HANDS = 16  # questions asked of a bucket at the same time


def bucket() -> storage.Bucket | None:
    """The shared storage; None where a plain folder is it."""
    place = current().storage
    return storage.bucket(place, current().storage_options.get_secret_value()) if "://" in place else None


def root() -> Path:
    """The folder that paths of the store begin with: the data directory, or another one that hosts share."""
    place = current().storage
    return Path(place).absolute() if place and "://" not in place else current().data_dir.absolute()


def folder(*parts: str | int) -> Path:
    """A folder on this host, made if it is missing."""
    path = root().joinpath(*map(str, parts))
    path.mkdir(parents=True, exist_ok=True)
    return path


def _named(path: Path) -> tuple[storage.Bucket, str] | None:
    """Where a path lies in shared storage; None for what is a file on this host."""
    there = bucket()
    if there is None or not path.absolute().is_relative_to(root()):
        return None
    name = path.absolute().relative_to(root()).as_posix()
    return (there, name) if name.split("/")[0] in SHARED else None


@contextmanager
def writing(path: Path, is_durable: bool = True) -> Iterator[IO[bytes]]:
    """A file that appears under its name whole, or not at all; on the disk at once, or with the next `flush`."""
    named = _named(path)
    if named is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    # In the store they wait in one folder, where the sweep finds what a killed process left behind.
    place = folder("tmp") if path.absolute().is_relative_to(root()) else path.parent
    with NamedTemporaryFile(dir=place, prefix=".part-", delete=False) as file:
        try:
            yield file
            file.flush()
            if is_durable and named is None:
                os.fsync(file.fileno())
            if named is not None:
                _send(*named, Path(file.name))
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    if named is None:
        Path(file.name).replace(path)


def _send(there: storage.Bucket, name: str, source: Path) -> None:
    """Store a file; whoever wrote it reads it next, so it stays here as a copy."""
    there.put(name, source)
    version, size, _ = there.look(name)
    if size == source.stat().st_size:
        copies.adopt(name, version, source)
    else:  # somebody else wrote it at the same moment; two of one size are as good as each other
        source.unlink(missing_ok=True)


def write_many(contents: Mapping[Path, bytes]) -> None:
    """Small files, each whole or not there; those of a plain folder reach the disk with the next `flush`."""
    named = {path: _named(path) for path in contents}
    far = {told[1]: contents[path] for path, told in named.items() if told is not None}
    there = bucket()
    if far and there is not None:
        there.put_many(far)
    for path in (path for path, told in named.items() if told is None):
        with writing(path, is_durable=False) as file:
            file.write(contents[path])


def flush() -> None:
    """Bring everything written to the disk: one wait for many files, before a commit that speaks of them."""
    if hasattr(os, "sync") and bucket() is None:  # not on Windows; a bucket keeps what it has taken
        os.sync()


def local(path: Path, beside: Path | None = None, is_fixed: bool = False) -> Path:
    """A file of this host with these bytes, to be read or mapped at once. Raises FileNotFoundError.

    beside: one that must lie in the same folder, if it is there; is_fixed: the name says the bytes.
    """
    named = _named(path)
    if named is None:
        return path
    other = _named(beside) if beside is not None else None
    return copies.of(*named, beside=other[1] if other else None, is_fixed=is_fixed)


def read(path: Path, first: int | None = None) -> bytes:
    """A file's bytes, or the first of them. Raises FileNotFoundError."""
    named = _named(path)
    if named is not None:
        return named[0].read(named[1], first)
    with path.open("rb") as file:
        return file.read() if first is None else file.read(first)


def read_many(paths: Sequence[Path]) -> list[bytes | None]:
    """The bytes of small files, in order; None for one that is not there."""
    there = bucket()
    if there is None:
        return [_read_or_none(path) for path in paths]
    names = [path.relative_to(root()).as_posix() for path in paths]
    found = there.read_many(names) if names else {}
    return [found.get(name) for name in names]


def _read_or_none(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def exists(path: Path) -> bool:
    """Whether a file is there."""
    return look(path) is not None


def look(path: Path) -> tuple[int, float] | None:
    """A file's size in bytes and when it was written, in seconds since 1970; None where it is not there."""
    named = _named(path)
    try:
        if named is None:
            told = path.stat()
            return told.st_size, told.st_mtime
        return named[0].look(named[1])[1:]
    except FileNotFoundError:
        return None


def missing(paths: Sequence[Path]) -> list[Path]:
    """Those that are not there; of a bucket it is asked for many at once."""
    if bucket() is None:
        return [path for path in paths if not path.exists()]
    with ThreadPoolExecutor(_HANDS) as hands:
        return [path for path, is_there in zip(paths, hands.map(exists, paths), strict=True) if not is_there]


def is_older(path: Path, before: float) -> bool:
    """Whether a file was last changed before a time, in seconds since 1970; one that is gone was not."""
    told = look(path)
    return told is not None and told[1] < before


def is_folder_older(path: Path, before: float) -> bool:
    """Whether nothing in a folder was changed since a time; a bucket's folder is as old as its newest object."""
    named = _named(path)
    if named is None:
        return is_older(path, before)
    newest = max((one.written for one in named[0].under(named[1])), default=None)
    return newest is not None and newest < before


def names_in(path: Path) -> list[str]:
    """The names of the files directly in a folder."""
    named = _named(path)
    if named is not None:
        return named[0].within(named[1])[0]
    try:
        return [one.name for one in os.scandir(path) if not one.is_dir() and not one.name.startswith(".part-")]
    except FileNotFoundError:
        return []


def folders_in(path: Path) -> list[str]:
    """The names of the folders directly in a folder."""
    named = _named(path)
    if named is not None:
        return named[0].within(named[1])[1]
    try:
        return [one.name for one in os.scandir(path) if one.is_dir()]
    except FileNotFoundError:
        return []


def under(path: Path) -> Iterator[Path]:
    """Every file below a folder, but for those that are being written, and for folders that go meanwhile."""
    named = _named(path)
    if named is not None:
        yield from (root() / one.name for one in named[0].under(named[1]))
        return
    for folder, _, names in os.walk(path):  # rglob ends with an error where a folder is taken from under it
        yield from (Path(folder) / name for name in names if not name.startswith(".part-"))


def opened(folder: Path) -> Iterator[tuple[Path, IO[bytes], int]]:
    """Every file below a folder with its size, each open until the next; one that goes meanwhile is left out."""
    named = _named(folder)
    if named is None:
        for path in under(folder):
            with suppress(FileNotFoundError), path.open("rb") as file:
                yield path, file, os.fstat(file.fileno()).st_size
        return
    batch: list[Path] = []
    for one in named[0].under(named[1]):
        if one.size <= _SMALL:
            batch.append(root() / one.name)
        else:
            with suppress(FileNotFoundError), local(root() / one.name).open("rb") as file:
                yield root() / one.name, file, os.fstat(file.fileno()).st_size
        if len(batch) >= AT_ONCE // 4:
            yield from _opened_small(batch)
            batch = []
    yield from _opened_small(batch)


def _opened_small(batch: Sequence[Path]) -> Iterator[tuple[Path, IO[bytes], int]]:
    for path, content in zip(batch, read_many(batch), strict=True):
        if content is not None:
            yield path, BytesIO(content), len(content)


def copy(path: Path, other: Path) -> None:
    """The same bytes under another name, too. Raises FileNotFoundError."""
    named, to = _named(path), _named(other)
    if named is not None and to is not None:
        named[0].copy(named[1], to[1])
        return
    with path.open("rb") as source, writing(other) as target:
        shutil.copyfileobj(source, target, 2**20)


def delete(path: Path) -> None:
    """Delete a file; one that is gone is no matter."""
    named = _named(path)
    if named is not None:
        named[0].delete(named[1])
    else:
        path.unlink(missing_ok=True)


def delete_folder(path: Path) -> None:
    """Delete a folder with all that is in it."""
    named = _named(path)
    if named is None:
        shutil.rmtree(path, ignore_errors=True)
        return
    named[0].delete_folder(named[1])
    shutil.rmtree(copies.folder() / named[1], ignore_errors=True)
