"""The invariants of the store: whole shards, as many rows as recorded, media that items show, nothing left behind."""

import math
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import files, store
from app.db import reading
from app.models import Encoding, Item, Project
from app.services.findings import Finding, finding

AT_ONCE = 5000
_HEAD_BYTES = 4096  # of a shard: numpy says there what it holds
OLD_SECONDS = 24 * 3600.0  # what is younger may be at work


def shards(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001  # a Look
    """Every shard of features holds the rows that its name says."""
    return finding(
        "shards",
        [str(path.relative_to(store.root())) for path in _broken_shards(db, project)],
        "files of features that are cut off or hold other rows than their names say",
        "A disk failed, or a file was copied half. Rounds fail on it; features can be computed again.",
    )


def _broken_shards(db: Session, project: Project) -> Iterator[Path]:
    for one in db.scalars(select(Encoding).where(Encoding.project_id == project.id)):
        for start, end, path in store.shards(store.features_folder(project.id, one.fingerprint)):
            if not _is_whole(path, end - start):
                yield path


def _is_whole(path: Path, rows: int) -> bool:
    """By its size and its first bytes: a bucket's shards need not be fetched for it."""
    from numpy.lib import format as npy

    told = files.look(path)
    try:
        head = BytesIO(files.read(path, _HEAD_BYTES))
    except FileNotFoundError:
        told = None
    if told is None:
        return True  # one that was joined meanwhile is gone
    try:
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(head)]
        shape, _, kind = read(head)
    except (ValueError, KeyError, EOFError):
        return False
    return bool(shape[0] == rows and told[0] == head.tell() + math.prod(shape) * kind.itemsize)


def mend_shards(db: Session, project: Project, now: datetime) -> int:
    """Delete them; their rows are encoded again."""
    for path in list(_broken_shards(db, project)):
        store.delete(path)
    return mend_encoded(db, project, now)


def _short(db: Session, project: Project) -> list[tuple[Encoding, int]]:
    found = []
    for one in db.scalars(select(Encoding).where(Encoding.project_id == project.id)):
        whole = store.shards(store.features_folder(project.id, one.fingerprint))
        on_disk = whole[-1][1] if whole else 0
        if on_disk < one.rows_done:
            found.append((one, on_disk))
    return found


def encoded(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """As many rows on disk as the database says."""
    found = [f"{one.encoder['name']}: {rows} of {one.rows_done} rows" for one, rows in _short(db, project)]
    return finding(
        "encoded",
        found,
        "encodings with fewer rows on disk than recorded",
        "Files of features are missing, as after a restore without them. They can be computed again.",
    )


def mend_encoded(db: Session, project: Project, now: datetime) -> int:  # noqa: ARG001  # a Mend
    """Record what is there; a worker encodes the rest."""
    found = _short(db, project)
    for one, rows in found:
        one.rows_done = rows
    return len(found)


def media(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """Every image that an item shows is in the store."""
    missing = [] if project.modality != "image" else list(_missing_media(db, project))
    return finding(
        "media",
        missing,
        "items whose image is not in the store",
        "The file was deleted or not restored. Bring it back from a backup, or upload the same image again.",
    )


def _missing_media(db: Session, project: Project) -> Iterator[int]:
    after = 0
    while True:
        query = select(Item.id, Item.content).where(Item.project_id == project.id, Item.id > after)
        page = db.execute(query.order_by(Item.id).limit(AT_ONCE)).all()
        if not page:
            return
        after = page[-1][0]
        shown = [content["image"] for _, content in page if "image" in content]
        gone = set(files.missing([store.media_path(name) for name in shown]))
        gone -= {store.media_path(name) for name in shown if gone and store.exists(store.aside(name))}
        yield from (
            item_id for item_id, content in page if "image" in content and store.media_path(content["image"]) in gone
        )


def leftovers(now: datetime, mend: bool) -> list[Finding]:
    """What killed processes and deleted projects left in the store, longer ago than a sweep leaves it there."""
    with reading() as db:
        known = set(db.scalars(select(Project.id)))
    old = now.timestamp() - OLD_SECONDS
    stale: list[Path] = [path for path in store.temporary_files() if store.is_older(path, old - 3600)]
    orphans: list[Path] = [store.project_folder(one) for one in sorted(store.projects_on_disk() - known)]
    orphans = [path for path in orphans if files.is_folder_older(path, old)]
    found: list[Finding | None] = [
        _leftover("temporary_files", stale, "temporary files of processes that are gone"),
        _leftover("orphan_arrays", orphans, "folders of arrays whose project is gone"),
    ]
    if mend:
        for path in stale:
            store.delete(path)
        for path in orphans:
            files.delete_folder(path)
    return [_told(one, mend) for one in found if one is not None]


def _leftover(name: str, paths: list[Path], what: str) -> Finding | None:
    shown = [str(path.relative_to(store.root())) for path in paths]
    return finding(name, shown, what, "They only take room. The sweep deletes them; here none has run for a day.")


def _told(one: Finding, mend: bool) -> Finding:
    values: dict[str, Any] = {**one.__dict__, "mendable": True, "mended": mend}
    return Finding(**values)
