"""Measuring rounds that had put it off: when it is due, who does it, and what it adds to the round's record."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from app import store
from app.models import Label, Project, Round
from app.services.passing import has_passed
from app.services.round_data import Read
from app.services.rounds import Opened

if TYPE_CHECKING:
    from app.core.round import MeasureOutput

LEASE = timedelta(seconds=300)
AFTER_FAILURE = timedelta(seconds=60)
GROWTH = 1.05  # of the labels since the last measured round, while labels go on coming
CALM = timedelta(seconds=2)  # without a new label, the newest round is measured whatever the growth


def due(db: Session, now: datetime, project_id: int | None = None) -> list[tuple[int, int]]:
    """(project, round) where the queue's round should be measured now, and nobody does."""
    measured = (
        select(func.max(Round.labels_used))
        .where(Round.project_id == Project.id, Round.measured_at.is_not(None))
        .correlate(Project)
        .scalar_subquery()
    )
    new = exists().where(Label.project_id == Project.id, Label.learned_round_id.is_(None))
    query = (
        select(Project.id, Round, measured, new)
        .join(Round, Round.id == Project.queue_round_id)
        .where(Round.measured_at.is_(None), Round.state == "published")
    )
    if project_id is not None:
        query = query.where(Project.id == project_id)
    return [
        (project, made.id)
        for project, made, labels, is_busy in db.execute(query)
        if _is_due(made, labels, is_busy, now)
    ]


def _is_due(made: Round, labels: int | None, is_busy: bool, now: datetime) -> bool:
    if made.measure_ends_at is not None and made.measure_ends_at > now:
        return False
    if labels is None or made.labels_used >= GROWTH * labels:
        return True
    return not is_busy and made.published_at is not None and has_passed(made.published_at, CALM, now)


def open_measuring(db: Session, project_id: int, owner: str, now: datetime) -> Opened | None:
    """Take the project's measuring, if it is due. The lease is in the database: of two messages one finds nothing."""
    found = due(db, now, project_id)
    if not found:
        return None
    round_id = found[0][1]
    taken = db.execute(
        update(Round)
        .where(Round.id == round_id, (Round.measure_ends_at.is_(None)) | (Round.measure_ends_at <= now))
        .values(measure_ends_at=now + LEASE, owner=owner)
    )
    if taken.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE's result has it
        return None
    made = db.get_one(Round, round_id)
    return Opened(made.id, project_id, made.number, owner, "to be measured")


def save(opened: Opened, output: "MeasureOutput") -> None:
    """Put what was measured on disk: the fold models, and the pool's scores with the labelled rows out of fold."""
    folder = store.round_folder(opened.project_id, opened.round_id)
    store.save_arrays(folder / "measured.npz", **output.state)
    store.save_checkpoint(opened.project_id, output.checkpoint)
    with store.writing(folder / "probabilities.npy") as file:
        np.save(file, output.probabilities)


def publish(db: Session, opened: Opened, output: "MeasureOutput", known: Read, now: datetime) -> None:
    """Add the quality to the round's record. A project that was deleted meanwhile has no round any more."""
    made = db.get(Round, opened.round_id)
    if made is None:
        return
    made.metrics = {
        **(made.metrics or {}),
        **output.metrics,
        "audit": known.audit.facts(),
        "labels": len(known.given.answers),
    }
    made.measured_at, made.measure_ends_at = now, None


def hand_back(db: Session, opened: Opened) -> None:
    """Let another worker measure it at once."""
    mine = update(Round).where(Round.id == opened.round_id, Round.owner == opened.owner)
    db.execute(mine.values(measure_ends_at=None))


def fail(db: Session, opened: Opened, error: str, now: datetime) -> None:
    """Record why nothing was measured; it is tried again after a pause."""
    values = {"error": error[:4000], "measure_ends_at": now + AFTER_FAILURE}
    db.execute(update(Round).where(Round.id == opened.round_id).values(**values))
