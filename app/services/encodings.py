"""Encodings: turning items into features, slice by slice, up the ladder of encoders, and flipping to the better one."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app import jobs, store
from app.core import plugins
from app.core.encoders import Encoder
from app.models import LOCK, Encoding, Item, Project
from app.services import recipes
from app.settings import current

SLICE_SECONDS = 2.0  # of work between two looks at what else waits
BATCH = 64
LEARN_FROM = 5000
LAG = 1000  # items that a better encoder may be behind before a quicker one is taken again
WHOLE_SHARD = 65_536  # smaller ones are joined up to this many rows


@dataclass(frozen=True)
class Slice:
    """A stretch of one encoding that this worker holds: from `start` on, until time or items run out."""

    encoding_id: int
    project_id: int
    owner: str
    spec: dict[str, Any]
    learned: dict[str, Any]
    fingerprint: str
    start: int
    end: int


def pending(db: Session, now: datetime) -> list[int]:
    """The projects with items that are not encoded as far up the ladder as they should be, held by nobody."""
    known: dict[int, dict[int, Encoding]] = {}
    for one in db.scalars(select(Encoding)):
        known.setdefault(one.project_id, {})[one.rung] = one
    projects = db.scalars(select(Project).where(Project.next_row > 0))
    return [each.id for each in projects if _next_rung(each, known.get(each.id, {}), now) is not None]


def _next_rung(project: Project, known: dict[int, Encoding], now: datetime) -> int | None:
    """The lowest rung with work to do, None while somebody works.

    A rung below the one in use needs no more, unless a large upload has left that one far behind.
    """
    rungs = recipes.ladder(project.modality, project.recipe)
    used = next((one for one in known.values() if one.id == project.encoding_id), None)
    lowest = used.rung if used and project.next_row - used.rows_done <= LAG else 0
    if any(one.owner and one.lease_ends_at and one.lease_ends_at > now for one in known.values()):
        return None
    for rung, spec in enumerate(rungs):
        one = known.get(rung)
        is_ours = one is not None and _spec(one) == spec
        is_done = one is not None and is_ours and (one.rows_done >= project.next_row or one.error is not None)
        if not is_done and (rung >= lowest or not is_ours):
            return rung
    return None


def _spec(one: Encoding) -> dict[str, Any]:
    return {key: value for key, value in one.encoder.items() if key != "learned"}


def open_slice(db: Session, project_id: int, owner: str, now: datetime) -> Slice | None:
    """Take the next stretch of work for a project, if there is one and nobody holds it."""
    project = db.get(Project, project_id, with_for_update=LOCK)
    if project is None:
        return None
    known = {one.rung: one for one in db.scalars(select(Encoding).where(Encoding.project_id == project_id))}
    rung = _next_rung(project, known, now)
    if rung is None:
        return None
    spec = recipes.ladder(project.modality, project.recipe)[rung]
    one = known.get(rung)
    if one is None or _spec(one) != spec:
        one = _begin(db, project, rung, spec, one)
    done = _rows_on_disk(project_id, one)
    one.rows_done = min(one.rows_done, done) if done < one.rows_done else done
    one.owner, one.lease_ends_at = owner, _lease_end(now)
    db.flush()
    learned = one.encoder.get("learned", {})
    return Slice(one.id, project_id, owner, spec, learned, one.fingerprint, one.rows_done, project.next_row)


def _begin(db: Session, project: Project, rung: int, spec: dict[str, Any], old: Encoding | None) -> Encoding:
    """A new rung. What an encoder must know of the data set it learns from the first items, once."""
    encoder = plugins.make("encoders", spec, Encoder)
    first = select(Item.content).where(Item.project_id == project.id).order_by(Item.row).limit(LEARN_FROM)
    learned = (
        encoder.learn(contents_of(project.modality, db.scalars(first).all())) if project.modality == "table" else {}
    )
    fingerprint = encoder.fingerprint(learned)
    if old is not None:
        db.delete(old)
        db.flush()
    one = Encoding(project_id=project.id, rung=rung, encoder={**spec, "learned": learned}, fingerprint=fingerprint)
    db.add(one)
    db.flush()
    if project.encoding_id is None or (old is not None and old.id == project.encoding_id):
        project.encoding_id = one.id
    return one


def _rows_on_disk(project_id: int, one: Encoding) -> int:
    found = store.shards(store.features_folder(project_id, one.fingerprint))
    return found[-1][1] if found else 0


def read_items(db: Session, taken: Slice, start: int, n: int) -> list[dict[str, Any]]:
    """The contents of n items from row `start` on."""
    query = (
        select(Item.content)
        .where(Item.project_id == taken.project_id, Item.row >= start, Item.row < min(start + n, taken.end))
        .order_by(Item.row)
    )
    return list(db.scalars(query))


def contents_of(modality: str, contents: Sequence[dict[str, Any]]) -> list[Any]:
    """What an encoder reads of items: the text, the image's bytes, the table's row."""
    if modality == "text":
        return [content["text"] for content in contents]
    if modality == "table":
        return [content["columns"] for content in contents]
    return [store.media_path(content["image"]).read_bytes() for content in contents]


def encode_batches(
    encoder: Encoder, taken: Slice, batches: Iterator[list[Any]], clock: Any = time.monotonic
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Features of as many batches as fit into a slice of time, at least one."""
    began, parts = clock(), []
    for batch in batches:
        parts.append(encoder.encode(batch, taken.learned))
        if clock() - began > SLICE_SECONDS:
            break
    return np.concatenate(parts).astype(np.float32, copy=False) if parts else np.empty((0, 0), np.float32)


def save(taken: Slice, features: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """Put a stretch on disk, and join small stretches so that there are never many files."""
    folder = store.features_folder(taken.project_id, taken.fingerprint)
    store.forget_joined(folder)
    end = taken.start + len(features)
    with store.writing(store.shard_path(folder, taken.start, end)) as file:
        np.save(file, features)
    small = [shard for shard in store.shards(folder) if shard[1] - shard[0] < WHOLE_SHARD]
    rows = small[-1][1] - small[0][0] if small else 0
    if len(small) > 1 and (rows >= WHOLE_SHARD or end >= taken.end or len(small) >= 64):
        with store.writing(store.shard_path(folder, small[0][0], small[-1][1])) as file:
            np.save(file, np.concatenate([np.load(path) for _, _, path in small]))


def publish_slice(db: Session, taken: Slice, rows: int, seconds: float) -> None:
    """Record what was encoded; flip the project to this rung when it is better and complete. Asks for the rest."""
    project = db.get(Project, taken.project_id, with_for_update=LOCK)
    one = db.get(Encoding, taken.encoding_id)
    if project is None or one is None or one.owner != taken.owner:
        return  # the files are whole and named by their rows: whoever took over finds them
    one.rows_done, one.seconds = taken.start + rows, one.seconds + seconds
    one.owner, one.lease_ends_at = None, None
    db.flush()
    project.encoding_id = _best(project, db.scalars(select(Encoding).where(Encoding.project_id == project.id)).all())
    jobs.enqueue(db, "run_round", project.id)
    jobs.enqueue(db, "run_encoding", project.id)


def _best(project: Project, known: Sequence[Encoding]) -> int | None:
    """The one to use: the best whole one; where none is whole, the one in use, unless another has twice its rows."""
    whole = [one for one in known if one.rows_done >= project.next_row]
    if whole:
        return max(whole, key=lambda one: one.rung).id
    used = next((one for one in known if one.id == project.encoding_id), None)
    most = max(known, key=lambda one: (one.rows_done, one.rung))
    return most.id if used is None or most.rows_done > 2 * used.rows_done else used.id


def fail(db: Session, taken: Slice, error: str) -> None:
    """Record that a rung cannot be encoded; the rung below stays in use, and the lead sees why."""
    db.execute(
        update(Encoding)
        .where(Encoding.id == taken.encoding_id, or_(Encoding.owner == taken.owner, Encoding.owner.is_(None)))
        .values(error=error[:4000], owner=None, lease_ends_at=None)
    )


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=current().heartbeat_seconds)
