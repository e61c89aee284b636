"""Explanations of suggestions: asked for by whoever holds the item, worked out by a worker, kept for a day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import jobs, store
from app.core import plugins
from app.core.tasks import load as load_task
from app.core.tasks import seen_as
from app.errors import Conflict, NotFound
from app.models import Encoding, Explanation, Item, Lease, Project, Round
from app.services import round_shards
from app.services.encoding_begin import spec_of
from app.services.encoding_data import contents_of, learned_of
from app.services.users import Caller

KEPT = timedelta(days=1)
ASKED_AGAIN = timedelta(minutes=2)  # so long the sweep goes on asking a worker for it
NOTHING = "There is no suggestion to explain."


def ask(db: Session, caller: Caller, lease_id: int, now: datetime) -> Explanation:
    """The explanation of the suggestion in one's lease; one that is not there yet is asked of a worker.

    Raises NotFound for what is not one's own live lease, Conflict where no suggestion is shown: an explanation would
    say what is hidden.
    """
    known, lease, made = _find(db, caller, lease_id)
    if known is not None and known.state != "failed":
        return known
    if known is None:
        place = {"project_id": lease.project_id, "round_id": made.id, "item_id": lease.item_id}
        known = Explanation(**place, answer=(lease.suggestion or {})["answer"])
        db.add(known)
    known.state, known.asked_at = "waiting", now
    db.flush()
    jobs.enqueue(db, "explain", known.id)
    return known


def look(db: Session, caller: Caller, lease_id: int) -> Explanation:
    """What was asked for. Raises as `ask` does, and NotFound before anybody has asked."""
    known, _, _ = _find(db, caller, lease_id)
    if known is None:
        raise NotFound("Nobody has asked for this explanation yet.")
    return known


def _find(db: Session, caller: Caller, lease_id: int) -> tuple[Explanation | None, Lease, Round]:
    lease = db.get(Lease, lease_id)
    if lease is None or lease.user_id != caller.user_id or lease.ended_at is not None:
        raise NotFound("No such lease.")
    project = db.get_one(Project, lease.project_id)
    if not project.recipe["show_suggestions"] or lease.suggestion_hidden or lease.suggestion is None:
        raise Conflict(NOTHING)
    wanted = Round.number == lease.round_number
    made = db.scalar(select(Round).where(Round.project_id == project.id, Round.state == "published", wanted))
    if made is None:
        raise Conflict(NOTHING)
    mine = select(Explanation).where(Explanation.round_id == made.id, Explanation.item_id == lease.item_id)
    return db.scalar(mine), lease, made


def waiting(db: Session, now: datetime) -> list[int]:
    """Those that a worker should see to: a message may have been lost."""
    query = select(Explanation.id).where(Explanation.state == "waiting", Explanation.asked_at > now - ASKED_AGAIN)
    return list(db.scalars(query))


def forget_old(db: Session, now: datetime) -> None:
    """Delete those that nobody can be looking at any more."""
    db.execute(delete(Explanation).where(Explanation.asked_at < now - KEPT))


@dataclass(frozen=True)
class Wanted:
    """What a worker needs: how it is worked out, and by the model of which round."""

    explanation_id: int
    round_number: int
    work_out: Callable[[], dict[str, Any]]


def read(db: Session, explanation_id: int) -> Wanted | None:
    """None where it is done, or gone. Raises LookupError where the model is.

    The model is that of the round that made the suggestion, or, where its arrays are deleted by now, the latest one.
    """
    from app.core.encoders import Encoder
    from app.core.explanations import explain

    wanted = db.get(Explanation, explanation_id)
    if wanted is None or wanted.state != "waiting":
        return None
    project, item = db.get_one(Project, wanted.project_id), db.get_one(Item, wanted.item_id)
    rounds = [db.get(Round, number) for number in (wanted.round_id, project.queue_round_id) if number is not None]
    made = next((one for one in rounds if one is not None and _has_model(one)), None)
    if made is None:
        raise LookupError("the model is gone")
    encoding = db.scalar(
        select(Encoding).where(Encoding.project_id == project.id, Encoding.fingerprint == made.fingerprint)
    )
    if encoding is None:
        raise LookupError("the features are gone")
    task, learned, answer = load_task(project.task), learned_of(encoding), wanted.answer
    encoder, learner = plugins.make("encoders", spec_of(encoding), Encoder), round_shards.read_learner(made)
    modality = seen_as(project.task["kind"], project.modality)
    content = item.content

    def work_out() -> dict[str, Any]:
        seen = contents_of(modality, [content])[0]
        return explain(task, encoder, learned, learner, seen, answer)

    return Wanted(wanted.id, made.number, work_out)


def _has_model(made: Round) -> bool:
    return store.exists(store.round_folder(made.project_id, made.id) / "model.npz")


def publish(db: Session, explanation_id: int, state: str, result: dict[str, Any] | None) -> None:
    """Done, with its result; or failed."""
    wanted = db.get(Explanation, explanation_id)
    if wanted is not None and wanted.state == "waiting":
        wanted.state, wanted.result = state, result
