"""Encodings: turning items into features, slice by slice, up the ladder of encoders, and flipping to the better one."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app import jobs, store
from app.core import plugins
from app.core.encoders import Encoder
from app.models import LOCK, Encoding, Project, Shard, Worker
from app.services import recipes, shards
from app.services.encoding_begin import begin, spec_of
from app.services.encoding_data import Slice, learned_of, next_stretch
from app.settings import current

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
LAG = 1000  # items that a better encoder may be behind before a quicker one is taken again


def pending(db: Session, now: datetime) -> list[int]:
    """The projects with items that are not encoded as far up the ladder as they should be, and workers to spare.

    Nobody holds any of them, or more workers are alive than are at work: messages for hands that are not there would
    pile up before those of other work.
    """
    known = _by_project(db.scalars(select(Encoding)))
    held = _by_encoding(db.scalars(select(Shard).where(Shard.kind == shards.ENCODE)))
    live = {one.project_id for each in held.values() for one in each if not shards.is_free(one, now)}
    spare = _hands(db, now) - sum(not shards.is_free(one, now) for each in held.values() for one in each)
    projects = db.scalars(select(Project).where(Project.next_row > 0))
    wanting = [each for each in projects if _next_rung(each, known.get(each.id, {}), held, now) is not None]
    return [each.id for each in wanting if each.id not in live or spare > 0]


def _by_project(found: Iterable[Encoding]) -> dict[int, dict[int, Encoding]]:
    known: dict[int, dict[int, Encoding]] = {}
    for one in found:
        known.setdefault(one.project_id, {})[one.rung] = one
    return known


def _by_encoding(found: Iterable[Shard]) -> dict[int, list[Shard]]:
    held: dict[int, list[Shard]] = {}
    for one in found:
        held.setdefault(one.of_id, []).append(one)
    return held


def _hands(db: Session, now: datetime) -> int:
    """Workers for encoding that gave a sign of life lately."""
    lately = now - timedelta(seconds=max(15.0, current().heartbeat_seconds))
    mine = Worker.queues.contains(jobs.ENCODING) & (Worker.seen_at > lately)
    return db.scalar(select(func.count()).where(mine)) or 0


def turn(db: Session, project_id: int, now: datetime) -> int:
    """Whose turn it is when this project's message came: the one that waits longest, so that none starves the others.

    A project with a million items, and many workers at them, has many messages; one that begins has a single one.
    """
    known = _by_project(db.scalars(select(Encoding)))
    held = _by_encoding(db.scalars(select(Shard).where(Shard.kind == shards.ENCODE)))
    waiting = [
        (max((one.served_at for one in mine.values() if one.served_at), default=_NEVER), each.id != project_id, each.id)
        for each in db.scalars(select(Project).where(Project.next_row > 0))
        if _next_rung(each, mine := known.get(each.id, {}), held, now) is not None
    ]
    return min(waiting, default=(_NEVER, False, project_id))[2]


def _next_rung(project: Project, known: dict[int, Encoding], held: dict[int, list[Shard]], now: datetime) -> int | None:
    """The lowest rung with work to do, None while others are at all of it.

    A rung below the one in use needs no more, unless a large upload has left that one far behind.
    """
    rungs = recipes.rungs(project)
    used = next((one for one in known.values() if one.id == project.encoding_id), None)
    lowest = used.rung if used and project.next_row - used.rows_done <= LAG else 0
    for rung, spec in enumerate(rungs):
        one = known.get(rung)
        is_ours = one is not None and spec_of(one) == spec
        is_done = one is not None and is_ours and (one.rows_done >= project.next_row or one.error is not None)
        if not is_done and (rung >= lowest or not is_ours):
            return rung if one is None or not is_ours or _can_be_taken(project, one, held, now) else None
    return None


def _can_be_taken(project: Project, one: Encoding, held: dict[int, list[Shard]], now: datetime) -> bool:
    mine = held.get(one.id, [])
    furthest = max((shard.stop for shard in mine), default=one.rows_done)
    return furthest < project.next_row or any(shards.is_free(shard, now) for shard in mine)


def next_rung(db: Session, project_id: int, now: datetime) -> tuple[int, dict[str, Any]] | None:
    """The rung with work to do and its encoder's spec; None where there is none, or others are at all of it."""
    project = db.get(Project, project_id)
    if project is None:
        return None
    rung = _next_rung(project, _known(db, project_id), _held(db, project_id), now)
    return None if rung is None else (rung, recipes.rungs(project)[rung])


def _known(db: Session, project_id: int) -> dict[int, Encoding]:
    return {one.rung: one for one in db.scalars(select(Encoding).where(Encoding.project_id == project_id))}


def _held(db: Session, project_id: int) -> dict[int, list[Shard]]:
    return _by_encoding(db.scalars(select(Shard).where(Shard.project_id == project_id, Shard.kind == shards.ENCODE)))


def open_slice(db: Session, project_id: int, owner: str, now: datetime) -> Slice | None:
    """Take the next stretch of work for a project, if there is one that nobody holds."""
    project = db.get(Project, project_id, with_for_update=LOCK)
    if project is None:
        return None
    known, held = _known(db, project_id), _held(db, project_id)
    rung = _next_rung(project, known, held, now)
    if rung is None:
        return None
    spec = recipes.rungs(project)[rung]
    encoder, one = plugins.make("encoders", spec, Encoder), known.get(rung)
    # Other weights under the same name, or a new version of the code, must not go on in the old one's files.
    if one is None or spec_of(one) != spec or encoder.fingerprint(learned_of(one)) != one.fingerprint:
        shards.end(db, shards.ENCODE, [one.id] if one else [])
        one = begin(db, project, rung, spec, encoder, one)
    done = _rows_on_disk(project_id, one)
    one.rows_done, one.served_at = min(one.rows_done, done) if done < one.rows_done else done, now
    rate = one.rows_done / one.seconds if one.seconds > 0 else 0.0
    mine = shards.take(db, shards.ENCODE, one.id, owner, now)
    if mine is None:
        # A lone worker takes all that there is, and comes as far as its time allows.
        known_rate = rate if _hands(db, now) > 1 else 0.0
        start, stop = next_stretch(project_id, one, held.get(one.id, []), project.next_row, known_rate)
        if start >= stop and held.get(one.id):
            return None  # others are at all of it; where nobody is, what lies on disk is published
        mine = shards.hold(db, project_id, shards.ENCODE, one.id, (start, stop), owner, now)
    return Slice(
        encoding_id=one.id,
        project_id=project_id,
        owner=owner,
        spec=spec,
        learned=learned_of(one),
        fingerprint=one.fingerprint,
        start=mine.start,
        end=mine.stop,
        rate=rate,
        quality_rows=one.encoder.get("quality", {}).get("rows", 0),
        shard_id=mine.id,
        items=project.next_row,
        is_first=mine.start == one.rows_done,
    )


def _rows_on_disk(project_id: int, one: Encoding) -> int:
    found = store.shards(store.features_folder(project_id, one.fingerprint))
    return found[-1][1] if found else 0


def publish_slice(db: Session, taken: Slice, rows: int, seconds: float, quality: dict[str, Any] | None = None) -> None:
    """Record what was encoded; flip the project to this rung when it is better and complete. Asks for the rest."""
    project = db.get(Project, taken.project_id, with_for_update=LOCK)
    one = db.get(Encoding, taken.encoding_id)
    if project is None or one is None or not shards.finish(db, taken.shard_id, taken.owner):
        return  # the files are whole and named by their rows: whoever took over finds them
    db.execute(delete(Shard).where(Shard.id == taken.shard_id).execution_options(synchronize_session=False))
    # What others have done beyond a stretch that is still held counts when that is done.
    mine = taken.start + rows if taken.is_first else 0
    one.rows_done, one.seconds = max(one.rows_done, mine, _rows_on_disk(project.id, one)), one.seconds + seconds
    if quality is not None:
        one.encoder = {**one.encoder, "quality": quality}
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
    if shards.finish(db, taken.shard_id, taken.owner):
        shards.end(db, shards.ENCODE, [taken.encoding_id])
        db.execute(update(Encoding).where(Encoding.id == taken.encoding_id).values(error=error[:4000]))
