"""The container: a directory or a tar file, whole or not there, with a manifest of sums as its last file."""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol

import orjson

from app.errors import BadInput, Conflict

MANIFEST = "manifest.json"
_PIECE = 2**20


class Writer(Protocol):
    """Takes files one after the other."""

    def add(self, name: str, source: IO[bytes], size: int) -> None:
        """Add a file of exactly `size` bytes."""


class Sums:
    """Names, sizes and SHA-256 of what was written."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.files: dict[str, tuple[int, str]] = {}
        self.bytes = 0

    def add(self, name: str, source: IO[bytes], size: int) -> None:
        """Add a file, of `size` bytes; its sum is taken on the way."""
        summed = _Summed(source)
        self.writer.add(name, summed, size)  # type: ignore[arg-type]  # only read() is called
        if summed.bytes != size:
            raise OSError(f"{name} changed while it was copied")
        self.files[name] = (size, summed.digest.hexdigest())
        self.bytes += size

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a file from memory."""
        self.add(name, BytesIO(content), len(content))


class _Summed:
    def __init__(self, source: IO[bytes]) -> None:
        self.source, self.digest, self.bytes = source, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        piece = self.source.read(size)
        self.digest.update(piece)
        self.bytes += len(piece)
        return piece


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, name: str, source: IO[bytes], size: int) -> None:  # noqa: ARG002  # the protocol's
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(source, file, _PIECE)
            file.flush()
            os.fsync(file.fileno())


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self.archive = archive

    def add(self, name: str, source: IO[bytes], size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self.archive.addfile(entry, source)


@contextmanager
def writing(target: Path) -> Iterator[Sums]:
    """A container that appears under its name when the block has ended well; `.tar` makes a file, else a directory.

    Raises Conflict where something is there already.
    """
    if target.exists():
        raise Conflict(f"{target} is there already; a backup never overwrites another.")
    partial = target.with_name(target.name + ".partial")
    _remove(partial)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if target.suffix == ".tar":
            with partial.open("wb") as file:
                partial.chmod(0o600)
                with tarfile.open(fileobj=file, mode="w|") as archive:
                    yield Sums(_Tar(archive))
                file.flush()
                os.fsync(file.fileno())
        else:
            partial.mkdir(mode=0o700)
            yield Sums(_Folder(partial))
        partial.rename(target)
    except BaseException:
        _remove(partial)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def files(source: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Every file of a container, in the order in which it was written, each open until the next."""
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file() and not path.is_symlink()):
            with path.open("rb") as file:
                yield path.relative_to(source).as_posix(), file
        return
    with tarfile.open(source, mode="r|") as archive:
        for entry in archive:
            opened = archive.extractfile(entry)
            if opened is not None:
                yield entry.name, opened


def digest_of(file: IO[bytes]) -> tuple[int, str]:
    """Size and SHA-256 of what is left to read."""
    summed = _Summed(file)
    while summed.read(_PIECE):
        pass
    return summed.bytes, summed.digest.hexdigest()


def verified(source: Path, expected: str | None) -> dict[str, object]:
    """The manifest of a whole, unchanged backup. Raises BadInput for any other, and says which file.

    `expected` is the manifest's SHA-256, as `backup` printed it: with it, nobody can have changed anything, while the
    sums inside tell of accidents only.
    """
    try:
        manifest, found = _looked_through(source)
    except (tarfile.TarError, EOFError) as error:
        raise BadInput(f"{source} is cut off, or no backup: {error}") from error
    if manifest is None:
        raise BadInput(f"{source} is no backup, or one that was not finished: it has no {MANIFEST}.")
    if expected is not None and hashlib.sha256(manifest).hexdigest() != expected:
        raise BadInput(f"{source} is not the backup with the sum {expected}.")
    try:
        told: dict[str, object] = orjson.loads(manifest)
        wanted = {name: (int(size), str(digest)) for name, (size, digest) in told["files"].items()}  # type: ignore[attr-defined]  # else refused below
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"The {MANIFEST} of {source} cannot be read.") from error
    _compare(wanted, found)
    return told


def _looked_through(source: Path) -> tuple[bytes | None, dict[str, tuple[int, str]]]:
    """The manifest, and size and sum of every other file, as they are."""
    found: dict[str, tuple[int, str]] = {}
    manifest: bytes | None = None
    for name, file in files(source):
        if name == MANIFEST:
            manifest = file.read()
        else:
            found[name] = digest_of(file)
    return manifest, found


def _compare(wanted: dict[str, tuple[int, str]], found: dict[str, tuple[int, str]]) -> None:
    errors = [{"name": name, "error": "is missing"} for name in sorted(wanted.keys() - found.keys())]
    errors += [{"name": name, "error": "does not belong to it"} for name in sorted(found.keys() - wanted.keys())]
    changed = [name for name in sorted(wanted.keys() & found.keys()) if wanted[name] != found[name]]
    errors += [{"name": name, "error": "is not as it was written"} for name in changed]
    if errors:
        raise BadInput("This backup is not whole, or was changed; nothing was restored.", errors)
