"""What there is to see: progress, rounds, queue, classes, people, workers. Queries only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import tasks
from app.models import Encoding, Item, Label, Lease, Project, QueueRow, Round, User, Worker
from app.services import shards, tally

ALIVE_WITHIN = timedelta(seconds=20)


def progress(db: Session, project: Project, user_id: int | None = None) -> dict[str, Any]:
    """How far a project is. `accuracy` is measured on the audit set by the newest round, None before it can be."""
    counts = tally.of_project(db, project.id)
    waiting = db.scalar(select(func.count()).where(Label.project_id == project.id, Label.learned_round_id.is_(None)))
    last = db.get(Round, project.queue_round_id) if project.queue_round_id else None
    measured = last_measured(db, project)
    found: dict[str, Any] = {
        "items": project.next_row,
        "labelled": counts.labelled,
        "labels": counts.answers,
        "skips": counts.skips,
        "open_leases": open_leases(db, project.id),
        "unlearned": waiting or 0,
        "round": last.number if last else None,
        "strategy": last.strategy if last else None,
        "queue": queue_length(db, project),
        "accuracy": measured.get("accuracy"),
        "metrics": measured or (last.metrics if last else None),
        "encoding": encoding_state(db, project),
    }
    if user_id is not None:
        found["mine"] = {"labels": tally.of_person(db, project.id, user_id).answers}
    return found


def last_measured(db: Session, project: Project) -> dict[str, Any]:
    """The metrics of the newest round whose model's quality was measured; empty before there is one."""
    query = select(Round.metrics).where(Round.project_id == project.id, Round.measured_at.is_not(None))
    return db.scalar(query.order_by(Round.number.desc()).limit(1)) or {}


def answered_since(db: Session, project_id: int, user_id: int, since: datetime) -> int:
    """How much this person has answered since a time, but for imports; it is counted, so ask for a day, not for all."""
    query = select(func.count()).where(
        Label.project_id == project_id,
        Label.user_id == user_id,
        Label.created_at >= since,
        Label.ended_at.is_(None),
        Label.answer.is_not(None),
        Label.chosen_by != "import",
    )
    return db.scalar(query) or 0


def open_leases(db: Session, project_id: int) -> int:
    """Items in somebody's hands."""
    query = select(func.count()).where(Lease.project_id == project_id, Lease.ended_at.is_(None))
    return db.scalar(query) or 0


def queue_length(db: Session, project: Project) -> int:
    """Queue rows that are left."""
    if project.queue_round_id is None:
        return 0
    return db.scalar(select(func.count()).where(QueueRow.round_id == project.queue_round_id)) or 0


def encoding_state(db: Session, project: Project) -> list[dict[str, Any]]:
    """Each rung of the project's ladder that was begun: how many items, how fast, which one is in use, and how good.

    `quality`: {"rankme", "dimensions", "rows"}, in how many directions the features spread, once they are whole.
    """
    query = select(Encoding).where(Encoding.project_id == project.id).order_by(Encoding.rung)
    return [
        {
            "rung": one.rung,
            "encoder": one.encoder["name"],
            "rows_done": one.rows_done,
            "items": project.next_row,
            "items_per_second": round(one.rows_done / one.seconds, 1) if one.seconds > 0 else None,
            "in_use": one.id == project.encoding_id,
            "workers": shards.count(db, shards.ENCODE, one.id)[1],
            "quality": one.encoder.get("quality"),
            "error": one.error,
        }
        for one in db.scalars(query)
    ]


def rounds(db: Session, project: Project, n: int = 50, before: int | None = None) -> list[dict[str, Any]]:
    """The latest rounds, newest first; `before`: a round's number, for the next page."""
    query = select(Round).where(Round.project_id == project.id).order_by(Round.number.desc()).limit(n)
    if before is not None:
        query = query.where(Round.number < before)
    return [round_json(one, _shards(db, one)) for one in db.scalars(query)]


def _shards(db: Session, one: Round) -> dict[str, int] | None:
    """How far the scoring of an open round is, where several workers share it."""
    done, held, whole = shards.count(db, shards.SCORE, one.id) if one.state == "open" else (0, 0, 0)
    return {"done": done, "held": held, "of": whole} if whole else None


def round_json(one: Round, scoring: dict[str, int] | None = None) -> dict[str, Any]:
    """A round as the API shows it."""
    return {
        "id": one.id,
        "number": one.number,
        "state": one.state,
        "opened_at": one.opened_at,
        "published_at": one.published_at,
        "measured_at": one.measured_at,
        "labels_used": one.labels_used,
        "pool_size": one.pool_size,
        "queue_size": one.queue_size,
        "strategy": one.strategy,
        "encoder": one.encoder,
        "fingerprint": one.fingerprint,
        "seed": one.seed,
        "recipe": one.recipe,
        "metrics": one.metrics,
        "seconds": one.seconds,
        "shards": scoring,
        "error": one.error,
    }


def learning_curve(db: Session, project: Project) -> list[dict[str, Any]]:
    """Accuracy on the audit set round by round, oldest first: {"labels", "estimate", "low", "high", "n", "round", …}.

    `encoder` is what the model saw the items by: where it changes, another curve begins.
    """
    query = (
        select(Round.number, Round.labels_used, Round.encoder, Round.metrics)
        .where(Round.project_id == project.id, Round.state == "published")
        .order_by(Round.number)
    )
    points = []
    for number, labels, encoder, metrics in db.execute(query):
        accuracy = (metrics or {}).get("accuracy")
        if accuracy:
            used = (metrics or {}).get("labels", labels)
            points.append({"round": number, **accuracy, "labels": used, "encoder": encoder})
    return points


def class_counts(db: Session, project: Project) -> dict[str, int]:
    """How often each class was answered; for several classes, how often each was among them."""
    counts = {each["name"]: 0 for each in project.task["classes"]}
    standing = select(Label.answer, func.count()).where(
        Label.project_id == project.id, Label.ended_at.is_(None), Label.answer.is_not(None)
    )
    task = tasks.load(project.task)
    for answer, count in db.execute(standing.group_by(Label.answer)):
        for name in task.names(answer):
            if name in counts:
                counts[name] += count
    return counts


def queue_rows(db: Session, project: Project, n: int = 20, after: int = -1) -> list[dict[str, Any]]:
    """The head of the queue in the order in which it is asked: items that still have a slot."""
    if project.queue_round_id is None:
        return []
    query = (
        select(QueueRow, Item)
        .join(Item, Item.id == QueueRow.item_id)
        .where(QueueRow.round_id == project.queue_round_id, QueueRow.rank > after, Item.slots > 0)
        .order_by(QueueRow.rank)
        .limit(n)
    )
    return [
        {
            "rank": row.rank,
            "item": {"id": item.id, "external_id": item.external_id, "content": item.content},
            "score": row.score,
            "reason": row.reason,
            "why": row.why,
            "suggestion": row.suggestion,
        }
        for row, item in db.execute(query)
    ]


def annotators(db: Session, project: Project) -> list[dict[str, Any]]:
    """Everybody who has answered: how many, how fast, how many skips, when last."""
    answered = func.count(Label.answer)
    query = (
        select(
            User.id,
            User.email,
            User.name,
            answered,
            func.count() - answered,
            func.avg(Label.seconds),
            func.max(Label.created_at),
        )
        .join(User, User.id == Label.user_id)
        .where(Label.project_id == project.id, Label.ended_at.is_(None), Label.chosen_by != "import")
        .group_by(User.id, User.email, User.name)
        .order_by(answered.desc(), User.email)
    )
    names = ("user_id", "email", "name", "labels", "skips", "seconds", "last_at")
    return [dict(zip(names, row, strict=True)) for row in db.execute(query)]


def workers(db: Session, now: datetime) -> list[dict[str, Any]]:
    """The worker processes, and whether each has been heard of lately."""
    found: Sequence[Worker] = db.scalars(select(Worker).order_by(Worker.name)).all()
    return [
        {
            "name": one.name,
            "queues": one.queues,
            "doing": one.doing,
            "seen_at": one.seen_at,
            "alive": now - one.seen_at < ALIVE_WITHIN,
        }
        for one in found
    ]
