"""The shared storage: a bucket, or another file system that fsspec speaks to, as names and bytes.

Only where the setting `storage` is a URL; a plain folder needs none of this. An object appears under its name whole or
not at all. Whatever goes wrong is told as one of three: FileNotFoundError, no room (OSError), or StorageAway.
"""

import errno
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_CODES = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientCapacity"}
# An object of these is there from the moment its last byte was sent; elsewhere it is renamed when it is whole.
_WHOLE_PUTS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss", "memory"}
_PART = ".part-"
# Without these a dead endpoint holds a request for more than a minute.
_PATIENCE = {"connect_timeout": 3, "read_timeout": 30, "retries": {"max_attempts": 2, "mode": "standard"}}


class StorageAway(Exception):
    """The storage does not answer, or refuses: what a moment, or an operator, may change."""


class Found(NamedTuple):
    """An object of a listing: its name, its size in bytes, when it was last written, in seconds since 1970."""

    name: str
    size: int
    written: float


@contextmanager
def _asking() -> Iterator[None]:
    """Tell what went wrong as one of the three. The words may hold a key or an address, so they stay in the cause."""
    try:
        yield
    except FileNotFoundError as error:
        if "bucket does not exist" in str(error):
            raise StorageAway("the bucket is not there") from error
        raise
    except Exception as error:
        if _is_full(error):
            raise OSError(errno.ENOSPC, "no room in the storage") from error
        raise StorageAway(f"the storage fails: {type(error).__name__}") from error


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    answer = getattr(error.__cause__ or error, "response", None)
    said = answer if isinstance(answer, dict) else {}
    status = said.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == 507 or said.get("Error", {}).get("Code") in _FULL_CODES


class Bucket:
    """One folder of an fsspec file system. Names are relative to it, with slashes."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        import fsspec

        protocol = url.partition("://")[0]
        # A listing that is kept shows neither what others wrote nor what they deleted.
        given: dict[str, Any] = {"use_listings_cache": False, **options}
        if protocol in ("s3", "s3a"):
            given["config_kwargs"] = {**_PATIENCE, **given.get("config_kwargs", {})}
        if protocol in ("file", "local"):
            given["auto_mkdir"] = True
        with _asking():
            self.fs, base = fsspec.core.url_to_fs(url, **given)
        self.base = base.rstrip("/")
        self._is_whole = protocol in _WHOLE_PUTS

    def _path(self, name: str) -> str:
        return f"{self.base}/{name}" if name else self.base

    def _name(self, path: str) -> str:
        return path.removeprefix(self.base).lstrip("/")

    def put(self, name: str, source: Path) -> None:
        """Store a local file under a name, in place of what was there."""
        with _asking():
            if self._is_whole:
                self.fs.put_file(str(source), self._path(name))
                return
            with self._renamed(name) as part:
                self.fs.put_file(str(source), part)

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        """Store small objects, many at once."""
        with _asking():
            if self._is_whole:
                self.fs.pipe({self._path(name): content for name, content in objects.items()})
                return
            for name, content in objects.items():
                with self._renamed(name) as part:
                    self.fs.makedirs(part.rpartition("/")[0], exist_ok=True)
                    self.fs.pipe_file(part, content)

    @contextmanager
    def _renamed(self, name: str) -> Iterator[str]:
        """A path to write to, which takes the name when it is whole; what failed is gone."""
        part = self._path(f"{Path(name).parent.as_posix()}/{_PART}{uuid4().hex}")
        try:
            yield part
            self.fs.mv(part, self._path(name))
        except BaseException:
            with suppress(Exception):
                self.fs.rm_file(part)
            raise

    def get(self, name: str, target: Path, size: int | None = None) -> None:
        """Copy an object to a local file; `size`: how large it must be. Raises FileNotFoundError."""
        with _asking():
            self.fs.get_file(self._path(name), str(target))
            if size is not None and target.stat().st_size != size:
                raise OSError(errno.EIO, "cut off on its way")

    def read(self, name: str, first: int | None = None) -> bytes:
        """An object's bytes, or the first of them. Raises FileNotFoundError."""
        with _asking():
            found: bytes = self.fs.cat_file(self._path(name), start=None if first is None else 0, end=first)
            return found

    def read_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """The bytes of those that are there, fetched at once."""
        with _asking():
            said = self.fs.cat([self._path(name) for name in dict.fromkeys(names)], on_error="return")
            found = said if isinstance(said, dict) else {self._path(names[0]): said}
            wrong = [one for one in found.values() if isinstance(one, Exception)]
            for error in wrong:
                if not isinstance(error, FileNotFoundError):
                    raise error
            return {self._name(path): one for path, one in found.items() if not isinstance(one, Exception)}

    def look(self, name: str) -> tuple[str, int, float]:
        """Version, size in bytes and time of writing of an object. Raises FileNotFoundError."""
        from fsspec.utils import tokenize

        with _asking():
            told = self.fs.info(self._path(name))
        if told["type"] != "file":
            raise FileNotFoundError(name)
        version = told.get("ETag") or [told["size"], _written(told), told.get("ino")]
        return tokenize(version)[:16], int(told["size"]), _written(told)

    def under(self, folder: str) -> Iterator[Found]:
        """Every object below a folder, in order; those that are being written left out."""
        with _asking():
            told = self.fs.find(self._path(folder), detail=True)
        for path, one in sorted(told.items()):
            if not path.rpartition("/")[2].startswith(_PART):
                yield Found(self._name(path), int(one["size"]), _written(one))

    def within(self, folder: str) -> tuple[list[str], list[str]]:
        """The last parts of the names of the objects and of the folders directly in a folder."""
        try:
            with _asking():
                told = self.fs.ls(self._path(folder), detail=True)
        except FileNotFoundError:
            return [], []
        names: dict[str, list[str]] = {"file": [], "directory": []}
        for one in told:
            last = one["name"].rstrip("/").rpartition("/")[2]
            if one["name"].rstrip("/") != self._path(folder) and not last.startswith(_PART):
                names.setdefault(one["type"], []).append(last)
        return sorted(names["file"]), sorted(names["directory"])

    def copy(self, name: str, other: str) -> None:
        """The same bytes under another name, too. Raises FileNotFoundError."""
        with _asking():
            if not self._is_whole:
                self.fs.makedirs(self._path(other).rpartition("/")[0], exist_ok=True)
            self.fs.cp_file(self._path(name), self._path(other))

    def delete(self, name: str) -> None:
        """Delete an object; one that is gone is no matter."""
        with suppress(FileNotFoundError), _asking():
            self.fs.rm_file(self._path(name))

    def delete_folder(self, folder: str) -> None:
        """Delete everything below a folder."""
        with suppress(FileNotFoundError), _asking():
            self.fs.rm(self._path(folder), recursive=True)


def _written(told: Mapping[str, Any]) -> float:
    for key in ("LastModified", "mtime", "updated", "last_modified", "created"):
        value = told.get(key)
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0


@lru_cache(maxsize=1)
def bucket(url: str, options: str) -> Bucket:
    """The storage that the settings name; one for the process."""
    return Bucket(url, json.loads(options) if options else {})
