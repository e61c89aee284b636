"""Rounds: when one is due, who holds it, what it reads, and how it is published. The computing is app.core.round."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from app import jobs
from app.core.reasons import Reason
from app.models import LOCK, Encoding, Label, Project, QueueRow, Round, Shard
from app.services import browse, exemplars, shards
from app.services.round_data import Read
from app.settings import current

if TYPE_CHECKING:
    from app.core.round import RoundOutput

KEPT_ROUNDS = 3  # the arrays of this many; the records of all
AFTER_FAILURE = timedelta(seconds=30)


class LeaseLostError(Exception):
    """Another worker has taken this round, or it was ended: what was computed must not be published."""


@dataclass(frozen=True)
class Due:
    """A project whose next round should run, and why."""

    project_id: int
    reason: str


def due(db: Session, now: datetime, project_id: int | None = None) -> list[Due]:
    """The projects for which a round is due: the question that a job, the sweep and a restart all ask."""
    query = select(Project, Encoding, Round).outerjoin(Encoding, Encoding.id == Project.encoding_id)
    earlier = aliased(Round)
    latest = select(func.max(earlier.number)).where(earlier.project_id == Project.id).scalar_subquery()
    query = query.outerjoin(Round, (Round.project_id == Project.id) & (Round.number == latest))
    if project_id is not None:
        query = query.where(Project.id == project_id)
    fresh = _unlearned(db, project_id)
    found = []
    for project, encoding, last in db.execute(query):
        reason = _why_due(project, encoding, last, fresh.get(project.id, _Fresh(0, now, now)), now)
        if reason:
            found.append(Due(project.id, reason))
    return found


class _Fresh(NamedTuple):
    """The labels of a project that no round has seen: how many, since when, and when the last one changed."""

    labels: int
    since: datetime
    latest: datetime


def _unlearned(db: Session, project_id: int | None) -> dict[int, _Fresh]:
    changed_at = func.coalesce(Label.ended_at, Label.created_at)
    columns = (Label.project_id, func.count(), func.min(changed_at), func.max(changed_at))
    query = select(*columns).where(Label.learned_round_id.is_(None))
    if project_id is not None:
        query = query.where(Label.project_id == project_id)
    found = db.execute(query.group_by(Label.project_id))
    return {project: _Fresh(labels, since, latest) for project, labels, since, latest in found}


def _why_due(
    project: Project, encoding: Encoding | None, last: Round | None, fresh: _Fresh, now: datetime
) -> str | None:
    if encoding is None or encoding.rows_done == 0:
        return None
    if last is not None and last.state == "open" and last.lease_ends_at is not None and last.lease_ends_at > now:
        return None  # one runs; what comes meanwhile is seen when it has ended
    if project.round_asked_at is not None:
        return "asked for"
    ended_at = (last.published_at or last.opened_at) if last is not None else now
    if last is not None and last.state == "failed" and now - ended_at < AFTER_FAILURE:
        return None
    if last is not None and last.state == "cancelled" and (not fresh.labels or fresh.latest <= ended_at):
        return None  # somebody wanted it to end
    if last is None or last.state in ("failed", "open"):
        return "no round yet"
    if fresh.labels >= project.recipe["retrain_every"]:
        return f"{fresh.labels} new labels"
    if fresh.labels and now - fresh.since >= timedelta(seconds=project.recipe["retrain_seconds"]):
        return "a label waits"
    if last.fingerprint != encoding.fingerprint:
        return "a better encoder is ready"
    if encoding.rows_done > last.rows:
        return "more items are encoded"
    return None


def ask(db: Session, project: Project, now: datetime) -> None:
    """Make a round due now; the same wish twice is one wish."""
    project.round_asked_at = now
    jobs.enqueue(db, "run_round", project.id)


def cancel(db: Session, project: Project, now: datetime) -> bool:
    """End the open round; its worker notices at its next step. False where none is open.

    The next comes with a new label, or when it is asked for.
    """
    made = db.scalar(select(Round).where(Round.project_id == project.id, Round.state == "open").with_for_update())
    if made is None:
        return False
    made.state, made.published_at, made.lease_ends_at = "cancelled", now, None
    project.round_asked_at = None
    shards.end(db, shards.SCORE, [made.id])
    return True


@dataclass(frozen=True)
class Opened:
    """A round that this worker holds, and what it needs to know to begin."""

    round_id: int
    project_id: int
    number: int
    owner: str
    reason: str


def open_round(db: Session, project_id: int, owner: str, now: datetime) -> Opened | None:
    """Take the project's next round, if one is due and nobody holds it. A dead worker's round is ended first."""
    project = db.get(Project, project_id, with_for_update=LOCK)
    reasons = due(db, now, project_id) if project else []
    if project is None or not reasons:
        return None
    stale = update(Round).where(Round.project_id == project_id, Round.state == "open")
    db.execute(stale.values(state="failed", error="its worker gave no sign of life", published_at=None))
    db.execute(delete(Shard).where(Shard.project_id == project_id, Shard.kind == shards.SCORE))
    encoding = db.get_one(Encoding, project.encoding_id)
    number = (db.scalar(select(func.max(Round.number)).where(Round.project_id == project_id)) or 0) + 1
    made = Round(
        project_id=project_id,
        number=number,
        state="open",
        owner=owner,
        lease_ends_at=_lease_end(now),
        opened_at=now,
        seed=project_id * 1_000_003 + number,
        encoder=encoding.encoder["name"],
        fingerprint=encoding.fingerprint,
        recipe=project.recipe,
        rows=encoding.rows_done,
    )
    project.round_asked_at = None
    db.add(made)
    db.flush()
    return Opened(made.id, project_id, number, owner, reasons[0].reason)


def give_up(db: Session, is_dead: Callable[[str], bool]) -> int:
    """End what dead workers hold, without waiting for their leases' ends; returns how many things that were."""
    ended = 0
    for made in db.scalars(select(Round).where(Round.state == "open", Round.owner.is_not(None))):
        if is_dead(made.owner or ""):
            made.lease_ends_at = made.opened_at
            ended += 1
    for made in db.scalars(select(Round).where(Round.measure_ends_at.is_not(None))):
        if is_dead(made.owner or ""):
            made.measure_ends_at = None
            ended += 1
    return ended + shards.give_up(db, is_dead)


def beat(db: Session, opened: Opened, now: datetime) -> None:
    """Say that the round is alive. Raises LeaseLostError where it is no longer ours."""
    kept = db.execute(
        update(Round)
        .where(Round.id == opened.round_id, Round.state == "open", Round.owner == opened.owner)
        .values(lease_ends_at=_lease_end(now))
    )
    if kept.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE's result has it
        raise LeaseLostError


def hand_back(db: Session, opened: Opened) -> None:
    """End the lease, so that another worker makes the next round at once."""
    mine = update(Round).where(Round.id == opened.round_id, Round.state == "open", Round.owner == opened.owner)
    db.execute(mine.values(lease_ends_at=Round.opened_at))
    jobs.enqueue(db, "run_round", opened.project_id)


def publish(
    db: Session, opened: Opened, output: "RoundOutput", known: Read, now: datetime, checkpoint: str | None = None
) -> None:
    """Flip the project to this round's queue, in one transaction. Raises LeaseLostError where the round is not ours.

    checkpoint: the name of the one that it left, if it did; see services/round_arrays.py.
    """
    project = db.get(Project, opened.project_id, with_for_update=LOCK)
    if project is None:
        raise LeaseLostError
    beat(db, opened, now)
    made = db.get_one(Round, opened.round_id, populate_existing=True)
    _write_queue(db, project, made, output)
    exemplars.keep(db, project, made.id, known.given.task.classes, output.exemplars)
    # Only as it was read: one that was undone since has become unlearned again. By what was read, not by its time:
    # clocks are set back.
    _mark_learned(db, made, known.seen, Label.ended_at.is_(None))
    _mark_learned(db, made, known.seen_ended, Label.ended_at.is_not(None))
    before = project.queue_round_id
    # One older queue is kept: a claim that read the old number a moment ago still finds its rows.
    old = delete(QueueRow).where(
        QueueRow.round_id.in_(
            select(Round.id).where(Round.project_id == project.id, Round.id.not_in([made.id, before or made.id]))
        )
    )
    db.execute(old.execution_options(synchronize_session=False))
    shards.end(db, shards.SCORE, [made.id])
    project.queue_round_id = made.id
    project.checkpoint = checkpoint or project.checkpoint
    made.state, made.published_at, made.lease_ends_at = "published", now, None
    made.labels_used, made.pool_size = len(known.given.answers), output.pool_size
    made.queue_size, made.strategy, made.rows = len(output.queue), output.strategy, known.given.features.rows
    made.metrics, made.seconds = {**output.metrics, "audit": known.audit.facts()}, output.seconds
    made.measured_at = now if output.is_measured else None
    jobs.enqueue(db, "run_round", project.id)  # what came meanwhile; nothing is due, nothing happens


def _mark_learned(db: Session, made: Round, label_ids: list[Any], as_it_was: ColumnElement[bool]) -> None:
    for start in range(0, len(label_ids), 500):
        db.execute(
            update(Label)
            .where(Label.id.in_(label_ids[start : start + 500]), as_it_was)
            .values(learned_round_id=made.id)
            .execution_options(synchronize_session=False)
        )


def _write_queue(db: Session, project: Project, made: Round, output: "RoundOutput") -> None:
    ids = browse.ids_of(db, project.id, [entry.row for entry in output.queue])
    values = [
        {
            "round_id": made.id,
            "rank": rank,
            "item_id": ids[entry.row],
            "score": entry.score,
            "reason": entry.reason[:500],
            "why": entry.why.parts() if isinstance(entry.why, Reason) else None,
            "suggestion": entry.suggestion,
            "propensity": entry.propensity,
        }
        for rank, entry in enumerate(output.queue)
    ]
    if values:
        db.execute(insert(QueueRow), values)


def fail(db: Session, opened: Opened, error: str, now: datetime) -> None:
    """Record that the round failed; the next is tried after a pause."""
    shards.end(db, shards.SCORE, [opened.round_id])
    db.execute(
        update(Round)
        .where(Round.id == opened.round_id, Round.state == "open", Round.owner == opened.owner)
        .values(state="failed", error=error[:4000], published_at=now, lease_ends_at=None)
    )


def forget_old(db: Session, project_id: int) -> set[int]:
    """The rounds whose arrays are still wanted; the others' may go from the disk.

    Beside the latest: the last measured one and the one that is being measured, however old. Without them the next
    round would measure in place of the queue's fast loop, with everybody waiting.
    """
    query = (
        select(Round.id)
        .where(Round.project_id == project_id, Round.state.in_(("open", "published")))
        .order_by(Round.number.desc())
    )
    measured = query.where(Round.measured_at.is_not(None)).limit(1)
    taken = query.where(Round.measured_at.is_(None), Round.measure_ends_at.is_not(None)).limit(1)
    return {*db.scalars(query.limit(KEPT_ROUNDS)), *db.scalars(measured), *db.scalars(taken)}


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=current().heartbeat_seconds)
