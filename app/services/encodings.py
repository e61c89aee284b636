"""Encodings: turning items into features, slice by slice, up the ladder of encoders, and flipping to the better one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app import jobs, store
from app.core import plugins
from app.core.encoders import Encoder
from app.models import LOCK, Encoding, Project
from app.services import recipes
from app.services.encoding_begin import begin, spec_of
from app.services.encoding_data import Slice, learned_of
from app.settings import current

LAG = 1000  # items that a better encoder may be behind before a quicker one is taken again


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
    rungs = recipes.rungs(project)
    used = next((one for one in known.values() if one.id == project.encoding_id), None)
    lowest = used.rung if used and project.next_row - used.rows_done <= LAG else 0
    if any(one.owner and one.lease_ends_at and one.lease_ends_at > now for one in known.values()):
        return None
    for rung, spec in enumerate(rungs):
        one = known.get(rung)
        is_ours = one is not None and spec_of(one) == spec
        is_done = one is not None and is_ours and (one.rows_done >= project.next_row or one.error is not None)
        if not is_done and (rung >= lowest or not is_ours):
            return rung
    return None


def next_rung(db: Session, project_id: int, now: datetime) -> tuple[int, dict[str, Any]] | None:
    """The rung with work to do and its encoder's spec; None where there is none, or somebody works."""
    project = db.get(Project, project_id)
    if project is None:
        return None
    rung = _next_rung(project, _known(db, project_id), now)
    return None if rung is None else (rung, recipes.rungs(project)[rung])


def _known(db: Session, project_id: int) -> dict[int, Encoding]:
    return {one.rung: one for one in db.scalars(select(Encoding).where(Encoding.project_id == project_id))}


def open_slice(db: Session, project_id: int, owner: str, now: datetime) -> Slice | None:
    """Take the next stretch of work for a project, if there is one and nobody holds it."""
    project = db.get(Project, project_id, with_for_update=LOCK)
    if project is None:
        return None
    known = _known(db, project_id)
    rung = _next_rung(project, known, now)
    if rung is None:
        return None
    spec = recipes.rungs(project)[rung]
    encoder, one = plugins.make("encoders", spec, Encoder), known.get(rung)
    # Other weights under the same name, or a new version of the code, must not go on in the old one's files.
    if one is None or spec_of(one) != spec or encoder.fingerprint(learned_of(one)) != one.fingerprint:
        one = begin(db, project, rung, spec, encoder, one)
    done = _rows_on_disk(project_id, one)
    one.rows_done = min(one.rows_done, done) if done < one.rows_done else done
    one.owner, one.lease_ends_at = owner, _lease_end(now)
    db.flush()
    return Slice(
        encoding_id=one.id,
        project_id=project_id,
        owner=owner,
        spec=spec,
        learned=learned_of(one),
        fingerprint=one.fingerprint,
        start=one.rows_done,
        end=project.next_row,
        rate=one.rows_done / one.seconds if one.seconds > 0 else 0.0,
        quality_rows=one.encoder.get("quality", {}).get("rows", 0),
    )


def _rows_on_disk(project_id: int, one: Encoding) -> int:
    found = store.shards(store.features_folder(project_id, one.fingerprint))
    return found[-1][1] if found else 0


def publish_slice(db: Session, taken: Slice, rows: int, seconds: float, quality: dict[str, Any] | None = None) -> None:
    """Record what was encoded; flip the project to this rung when it is better and complete. Asks for the rest."""
    project = db.get(Project, taken.project_id, with_for_update=LOCK)
    one = db.get(Encoding, taken.encoding_id)
    if project is None or one is None or one.owner != taken.owner:
        return  # the files are whole and named by their rows: whoever took over finds them
    one.rows_done, one.seconds = taken.start + rows, one.seconds + seconds
    if quality is not None:
        one.encoder = {**one.encoder, "quality": quality}
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
