"""Measuring rounds that had put it off: when it is due, who does it, and what it adds to the round's record."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from app.models import LOCK, Label, Project, Round
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


def publish(
    db: Session, opened: Opened, output: "MeasureOutput", known: Read, names: tuple[str, str | None], now: datetime
) -> bool:
    """Add the quality to the round's record, and point at what was measured; see services/round_arrays.py.

    False, and nothing changes, where another was quicker, or the project was deleted. Who comes when its lease is over
    is taken all the same, if nobody was quicker: else two slow workers would measure in turns and never be heard.
    """
    project = db.get(Project, opened.project_id, with_for_update=LOCK)
    made = db.get(Round, opened.round_id, populate_existing=True)
    if project is None or made is None or made.measured_at is not None:
        return False
    made.metrics = {
        **(made.metrics or {}),
        **output.metrics,
        "audit": known.audit.facts(),
        "labels": len(known.given.answers),
    }
    made.measured_at, made.measure_ends_at = now, None
    made.measured_as, checkpoint = names
    project.checkpoint = checkpoint or project.checkpoint
    return True


def hand_back(db: Session, opened: Opened) -> None:
    """Let another worker measure it at once."""
    mine = update(Round).where(Round.id == opened.round_id, Round.owner == opened.owner)
    db.execute(mine.values(measure_ends_at=None))


def fail(db: Session, opened: Opened, error: str, now: datetime) -> None:
    """Record why nothing was measured; it is tried again after a pause. Nothing where another has taken it over."""
    mine = update(Round).where(Round.id == opened.round_id, Round.owner == opened.owner, Round.measured_at.is_(None))
    db.execute(mine.values(error=error[:4000], measure_ends_at=now + AFTER_FAILURE))
