"""What the store holds, by name: features, scores, models, media, and uploads that wait. How files lie is app.files.

Every file appears under its name whole, so that a killed process leaves no half file that somebody reads. Media are
named by the SHA-256 of their bytes.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from app import files
from app.files import (
    delete,
    exists,
    flush,
    folder,
    is_older,
    local,
    names_in,
    opened,
    root,
    write_many,
    writing,
)

__all__ = ["delete", "exists", "flush", "folder", "is_older", "local", "names_in", "opened", "root", "write_many",
           "writing"]  # fmt: skip

_SHARD = re.compile(r"^(\d{9})-(\d{9})\.npy$")
_FETCHED_AT_ONCE = 4  # shards of a bucket


def media_path(sha256: str) -> Path:
    """Where a medium lies. Raises ValueError for anything but a SHA-256 in hexadecimal."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("not a SHA-256")
    return root() / "media" / sha256[:2] / sha256


def aside(sha256: str) -> Path:
    """Where a medium waits that is about to be deleted; see services/media_left.py."""
    path = media_path(sha256)
    return path.with_name(f".left-{path.name}")


def keep_media(media: Mapping[str, bytes]) -> None:
    """Store media under their names; one that is there already is the same. Many go to the disk in one `flush`."""
    new = {}
    for sha256, content in media.items():
        path = media_path(sha256)
        if files.bucket() is None:
            try:
                os.utime(path)  # in use: see services/media_left.py
                continue
            except FileNotFoundError:
                pass
        new[path] = content  # to a bucket always: writing it is what marks it as used
    write_many(new)


def keep_medium(sha256: str, content: bytes) -> None:
    """Store one medium."""
    keep_media({sha256: content})


def local_medium(sha256: str) -> Path:
    """A medium as a file to be read now. Raises FileNotFoundError, and ValueError for what is no name of one."""
    path = media_path(sha256)
    try:
        return local(path, is_fixed=True)
    except FileNotFoundError:
        bring_back(sha256)
        return local(path, is_fixed=True)


def bring_back(sha256: str) -> None:
    """Put a medium back that was about to be deleted. Raises FileNotFoundError where it was not."""
    files.copy(aside(sha256), media_path(sha256))


def read_media(names: Sequence[str]) -> list[bytes]:
    """The bytes of media, in order. Raises FileNotFoundError where one is not there."""
    found = files.read_many([media_path(name) for name in names])
    return [local_medium(name).read_bytes() if one is None else one for name, one in zip(names, found, strict=True)]


def features_folder(project_id: int, fingerprint: str) -> Path:
    """Where the shards of one encoding lie."""
    return root() / "projects" / str(project_id) / "features" / fingerprint


def shards(path: Path) -> list[tuple[int, int, Path]]:
    """The shards of an encoding as (first row, end row, file), in order, without gaps from row 0 on.

    Where files overlap, those are taken that lead furthest, and of these the longer ones.
    """
    return _without_gaps(_shard_files(path))


def _without_gaps(found: list[tuple[int, int, Path]]) -> list[tuple[int, int, Path]]:
    best: dict[int, tuple[int, int, Path]] = {}  # by first row: how far it leads, its own end, the file
    for start, end, file in sorted(found, key=lambda shard: -shard[0]):
        leads = best[end][0] if end in best else end
        best[start] = max(best.get(start, (0, 0, file)), (leads, end, file))
    whole: list[tuple[int, int, Path]] = []
    row = 0
    while row in best:
        _, end, file = best[row]
        whole.append((row, end, file))
        row = end
    return whole


def _shard_files(path: Path) -> list[tuple[int, int, Path]]:
    return [(int(match[1]), int(match[2]), path / name) for name in names_in(path) if (match := _SHARD.match(name))]


def local_shards(found: Sequence[tuple[int, int, Path]]) -> list[tuple[int, int, Path]]:
    """The same shards as files of this host, each with its cuts beside it."""
    if files.bucket() is None:
        return list(found)
    with ThreadPoolExecutor(_FETCHED_AT_ONCE) as hands:
        near = hands.map(lambda shard: local(shard[2], beside=shard[2].with_suffix(".cuts.npy")), found)
        return [(start, end, path) for (start, end, _), path in zip(found, near, strict=True)]


def spans(path: Path) -> list[tuple[int, int]]:
    """The rows (first, end) of every file of an encoding, also of those behind a gap."""
    return [(start, end) for start, end, _ in _shard_files(path)]


def forget_joined(path: Path) -> None:
    """Delete the files whose rows a longer one holds; not when that is written: a reader may be about to open them."""
    found = _shard_files(path)
    whole = _without_gaps(found)
    used, last = {file for _, _, file in whole}, max((end for _, end, _ in whole), default=0)
    for _, end, file in found:
        if file not in used and end <= last:
            delete(file)
            delete(file.with_suffix(".cuts.npy"))  # how its items are cut, where they are


def shard_path(path: Path, start: int, end: int) -> Path:
    """The file of rows [start, end)."""
    return path / f"{start:09d}-{end:09d}.npy"


def round_folder(project_id: int, round_id: int) -> Path:
    """Where a round's model and scores lie."""
    return root() / "projects" / str(project_id) / "rounds" / str(round_id)


def forget_rounds(project_id: int, keep: set[int]) -> None:
    """Delete the arrays of all rounds but these; their records stay in the database."""
    base = root() / "projects" / str(project_id) / "rounds"
    for name in files.folders_in(base):
        if name.isdigit() and int(name) not in keep:
            files.delete_folder(base / name)


def project_folder(project_id: int) -> Path:
    """Where a project's arrays lie."""
    return root() / "projects" / str(project_id)


def forget_project(project_id: int) -> None:
    """Delete a project's arrays. Media stay: other projects may show the same bytes."""
    files.delete_folder(project_folder(project_id))


def forget_arrays() -> None:
    """Delete the arrays of all projects."""
    files.delete_folder(root() / "projects")


def projects_on_disk() -> set[int]:
    """The projects that have arrays."""
    return {int(name) for name in files.folders_in(root() / "projects") if name.isdigit()}


def save_arrays(path: Path, **arrays: Any) -> None:
    """Write named arrays as one .npz, whole or not at all."""
    import numpy as np

    with writing(path) as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, Any]:
    """The named arrays of an .npz. Raises FileNotFoundError."""
    import numpy as np

    with np.load(local(path), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def new_name() -> str:
    """A name that no file has."""
    return uuid4().hex


def temporary_path() -> Path:
    """A new name in the store for a file that somebody removes."""
    return folder("tmp") / new_name()


@contextmanager
def temporary() -> Iterator[Path]:
    """A path for a file that is gone after the block."""
    path = temporary_path()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def temporary_files() -> list[Path]:
    """Every temporary file of the store, at work or left behind."""
    return [path for path in folder("tmp").iterdir() if path.is_file()]


def forget_temporary(before: float) -> None:
    """Delete what a killed process left behind: temporary files older than a time, in seconds since 1970."""
    for path in temporary_files():
        if is_older(path, before):
            path.unlink(missing_ok=True)
