"""Arrays and media on disk: features, scores, models, images, and uploads that wait.

Every file is written to a temporary name and renamed, so that a killed process leaves no half file
under a name that somebody reads. Media are named by the SHA-256 of their bytes.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any
from uuid import uuid4

from app.settings import current

_SHARD = re.compile(r"^(\d{9})-(\d{9})\.npy$")


def root() -> Path:
    """The data directory."""
    return current().data_dir.absolute()


def folder(*parts: str | int) -> Path:
    """A folder of the store, made if it is missing."""
    path = root().joinpath(*map(str, parts))
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def writing(path: Path, is_durable: bool = True) -> Iterator[IO[bytes]]:
    """A file that appears under its name whole, or not at all; on the disk at once, or with the next `flush`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the store they wait in one folder, where the sweep finds what a killed process left behind.
    place = folder("tmp") if path.absolute().is_relative_to(root()) else path.parent
    with NamedTemporaryFile(dir=place, prefix=".part-", delete=False) as file:
        try:
            yield file
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    Path(file.name).replace(path)


def media_path(sha256: str) -> Path:
    """Where a medium lies. Raises ValueError for anything but a SHA-256 in hexadecimal."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("not a SHA-256")
    return root() / "media" / sha256[:2] / sha256


def keep_medium(sha256: str, content: bytes) -> None:
    """Store a medium under its name; one that is there already is the same. Many go to the disk in one `flush`."""
    path = media_path(sha256)
    try:
        os.utime(path)  # in use: see services/media_left.py
    except FileNotFoundError:
        with writing(path, is_durable=False) as file:
            file.write(content)


def flush() -> None:
    """Bring everything written to the disk: one wait for many files, before a commit that speaks of them."""
    if hasattr(os, "sync"):  # not on Windows
        os.sync()


def features_folder(project_id: int, fingerprint: str) -> Path:
    """Where the shards of one encoding lie."""
    return root() / "projects" / str(project_id) / "features" / fingerprint


def shards(path: Path) -> list[tuple[int, int, Path]]:
    """The shards of an encoding as (first row, end row, file), in order, without gaps from row 0 on.

    Where files overlap, those are taken that lead furthest, and of these the longer ones.
    """
    best: dict[int, tuple[int, int, Path]] = {}  # by first row: how far it leads, its own end, the file
    for start, end, file in sorted(_shard_files(path), key=lambda shard: -shard[0]):
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
    return [(int(match[1]), int(match[2]), file) for file in path.glob("*.npy") if (match := _SHARD.match(file.name))]


def spans(path: Path) -> list[tuple[int, int]]:
    """The rows (first, end) of every file of an encoding, also of those behind a gap."""
    return [(start, end) for start, end, _ in _shard_files(path)]


def forget_joined(path: Path) -> None:
    """Delete the files whose rows a longer one holds; not when that is written: a reader may be about to open them."""
    used = {file for _, _, file in shards(path)}
    for _, end, file in _shard_files(path):
        if file not in used and end <= max((shard[1] for shard in shards(path)), default=0):
            file.unlink(missing_ok=True)
            file.with_suffix(".cuts.npy").unlink(missing_ok=True)  # how its items are cut, where they are


def shard_path(path: Path, start: int, end: int) -> Path:
    """The file of rows [start, end)."""
    return path / f"{start:09d}-{end:09d}.npy"


def round_folder(project_id: int, round_id: int) -> Path:
    """Where a round's model and scores lie."""
    return root() / "projects" / str(project_id) / "rounds" / str(round_id)


def forget_rounds(project_id: int, keep: set[int]) -> None:
    """Delete the arrays of all rounds but these; their records stay in the database."""
    base = root() / "projects" / str(project_id) / "rounds"
    for path in base.glob("*"):
        if path.name.isdigit() and int(path.name) not in keep:
            shutil.rmtree(path, ignore_errors=True)


def project_folder(project_id: int) -> Path:
    """Where a project's arrays lie."""
    return root() / "projects" / str(project_id)


def forget_project(project_id: int) -> None:
    """Delete a project's arrays. Media stay: other projects may show the same bytes."""
    shutil.rmtree(root() / "projects" / str(project_id), ignore_errors=True)


def projects_on_disk() -> set[int]:
    """The projects that have arrays."""
    return {int(path.name) for path in (root() / "projects").glob("*") if path.name.isdigit()}


def save_arrays(path: Path, **arrays: Any) -> None:
    """Write named arrays as one .npz, whole or not at all."""
    import numpy as np

    with writing(path) as file:
        np.savez(file, **arrays)


def save_checkpoint(project_id: int, checkpoint: "tuple[int, Any] | None") -> None:
    """Keep what successive models are compared with: labels, and predictions of fixed rows. None changes nothing."""
    if checkpoint is not None:
        path = root() / "projects" / str(project_id) / "checkpoint.npz"
        save_arrays(path, labels=checkpoint[0], predictions=checkpoint[1])


def read_checkpoint(project_id: int) -> "tuple[int, Any] | None":
    """The last one that was kept; None before there is any."""
    import numpy as np

    path = root() / "projects" / str(project_id) / "checkpoint.npz"
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return int(arrays["labels"]), arrays["predictions"]


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


def is_older(path: Path, before: float) -> bool:
    """Whether a file was last changed before a time, in seconds since 1970; one that is gone was not."""
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False
