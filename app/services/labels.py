"""Labels: submitting, skipping, undoing. Nothing is deleted; a later word only writes the end of an earlier one."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from app import jobs
from app.core.tasks import InvalidAnswer, Task
from app.core.tasks import load as load_task
from app.errors import BadInput, Conflict, NotFound
from app.models import Item, Label, Lease, Project, QueueRow
from app.services import answering, leases, queue, tally
from app.services.access import ItemFacts
from app.services.choices import CHOICE
from app.services.queue import Asked
from app.services.users import Caller


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person says beside an answer or a skip, and how long the item was before them."""

    raw_seconds: float | None = None
    unsure: bool = False
    comment: str = ""

    def fields(self) -> dict[str, Any]:
        """As the label keeps them."""
        comment = _clean(self.comment, 2000) or None
        return {"raw_seconds": self.raw_seconds, "unsure": self.unsure, "comment": comment}


def _clean(said: str, most: int) -> str:
    """Without NUL, which PostgreSQL keeps in no text."""
    return said.replace("\x00", "").strip()[:most]


def item_of(db: Session, item_id: int) -> Item:
    """An item by id, for finding its project. Raises NotFound."""
    item = db.get(Item, item_id)
    if item is None:
        raise NotFound("No such item.")
    return item


def submit(
    db: Session,
    project: Asked,
    item_id: int,
    caller: Caller,
    label_id: UUID,
    answer: Any,
    seconds: float | None,
    now: datetime,
    may_review: bool = False,
    item: ItemFacts | None = None,
    remark: "Remark | None" = None,
) -> tuple[Label, bool]:
    """Store an answer; returns the label and whether it is new.

    The same id again gives the first result. An answer whose lease has ended is kept all the same. Raises BadInput
    for an answer that is none, Conflict for an id that is in use elsewhere or an item that wants no more answers.
    item: what Access says of it, where the caller has asked it in this transaction; None: it is locked here.
    """
    held = item or _lock(db, project, item_id)
    try:
        said: dict[str, Any] = {"answer": _task(orjson.dumps(project.task)).normalise(held.content, answer)}
        said |= {"seconds": seconds, **(remark or Remark()).fields()}
    except InvalidAnswer as error:
        known = _same(db, label_id, item_id, caller)
        if known is not None:
            return known, False
        raise BadInput(str(error), [{"field": "answer", "error": str(error)}]) from error
    every = project.recipe["retrain_every"]
    stored = answering.put(db, held, project.id, caller.user_id, label_id, said, now, every)
    if stored is None:
        return _submit_unusual(db, project, item_id, caller, Label(id=label_id, **said), now, may_review)
    how, waiting = stored
    if waiting == every:
        jobs.enqueue(db, "run_round", project.id)
    place = {"id": label_id, "project_id": project.id, "item_id": item_id, "user_id": caller.user_id}
    return Label(**place, **said, skip_reason=None, created_at=now, **{name: how[name] for name in CHOICE}), True


def _submit_unusual(
    db: Session, project: Asked, item_id: int, caller: Caller, label: Label, now: datetime, may_review: bool
) -> tuple[Label, bool]:
    """An answer that is sent again, late, changed, or out of turn."""
    known = _same(db, label.id, item_id, caller)
    if known is not None:
        return known, False
    _put(db, project, _lock(db, project, item_id), caller, label, now, may_review)
    _forget_if_used_up(db, item_id)
    return label, True


@lru_cache(maxsize=256)
def _task(task_json: bytes) -> Task:
    """The task of a project, kept: making it anew would cost more than all else of an answer."""
    return load_task(orjson.loads(task_json))


def skip(
    db: Session,
    project: Asked,
    item_id: int,
    caller: Caller,
    reason: str,
    now: datetime,
    label_id: UUID | None = None,
    seconds: float | None = None,
    remark: "Remark | None" = None,
) -> tuple[Label, bool]:
    """Pass an item over, with a reason: it goes to others, and not to this person again. Twice is once."""
    item = _lock(db, project, item_id)
    known = _same(db, label_id, item_id, caller) if label_id else _standing(db, item_id, caller.user_id)
    if known is not None and (label_id or known.answer is None):
        return known, False
    said = {"seconds": seconds, **(remark or Remark()).fields()}
    label = Label(id=label_id or uuid4(), answer=None, skip_reason=_clean(reason, 500) or "no reason given", **said)
    _put(db, project, item, caller, label, now, may_review=True)
    return label, True


def undo(db: Session, caller: Caller, label_id: UUID, now: datetime) -> tuple[Label, queue.Claim | None]:
    """Take one's own label back; the item returns into one's hands. Undoing twice is undoing once.

    Raises NotFound for other people's labels, Conflict for one that a later answer has superseded.
    """
    label = db.get(Label, label_id)
    if label is None or label.user_id != caller.user_id:
        raise NotFound("No such label.")
    project = db.get_one(Project, label.project_id)
    item = _lock(db, project, label.item_id)
    db.refresh(label)
    if label.ended_by == "superseded":
        raise Conflict("A later answer has taken this one's place; undo that one.")
    if label.ended_by is None:
        with tally.following(db, label, caller.user_id):
            _end_label(label, "undone", now)
        lease = Lease(
            project_id=project.id,
            item_id=item.id,
            user_id=caller.user_id,
            created_at=now,
            ends_at=leases.end_of(now),
            **{name: getattr(label, name) for name in CHOICE},
        )
        db.add(lease)
        # An answer gave its slot to the lease that comes back; a skip had given it to others already.
        change = 0 if label.answer is not None else -1
        _change_item(db, item.id, change, is_settled=_is_answered(db, item.id))
        _note_unlearned(db, project)
    lease_now = db.scalar(
        select(Lease).where(Lease.item_id == item.id, Lease.user_id == caller.user_id, Lease.ended_at.is_(None))
    )
    if lease_now is None:
        return label, None
    db.flush()
    return label, queue.shown(item, lease_now, project.recipe["show_suggestions"])


def recent(db: Session, project: Project, user_id: int, n: int) -> list[tuple[Label, Item]]:
    """One person's latest standing labels and skips, newest first, with their items."""
    query = (
        select(Label, Item)
        .join(Item, Item.id == Label.item_id)
        .where(Label.project_id == project.id, Label.user_id == user_id, Label.ended_at.is_(None))
        .order_by(Label.created_at.desc())
        .limit(n)
    )
    return [(label, item) for label, item in db.execute(query)]


def _lock(db: Session, project: Asked, item_id: int) -> Item:
    item = db.scalar(
        select(Item)
        .where(Item.id == item_id, Item.project_id == project.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if item is None:
        raise NotFound("No such item.")
    return item


def _same(db: Session, label_id: UUID | None, item_id: int, caller: Caller) -> Label | None:
    """The label that this id made before, where it was the same person and item."""
    known = db.get(Label, label_id)
    if known is not None and (known.user_id, known.item_id) != (caller.user_id, item_id):
        raise Conflict("This id belongs to another label; make a new one for every answer.")
    return known


def _standing(db: Session, item_id: int, user_id: int) -> Label | None:
    return db.scalar(select(Label).where(Label.item_id == item_id, Label.user_id == user_id, Label.ended_at.is_(None)))


def _put(
    db: Session, project: Asked, item: Item, caller: Caller, label: Label, now: datetime, may_review: bool
) -> None:
    """Write a label or skip: end what it supersedes, end the lease, keep the slots' sum, remember how it was chosen."""
    lease = db.scalar(
        select(Lease)
        .where(Lease.item_id == item.id, Lease.user_id == caller.user_id)
        .order_by(Lease.id.desc())
        .limit(1)
    )
    earlier = _standing(db, item.id, caller.user_id)
    if lease is None and earlier is None and item.slots <= 0 and not may_review:
        raise Conflict("This item wants no more answers.")
    source: Lease | Label | None = earlier or lease
    how = {name: getattr(source, name) for name in CHOICE} if source else {"chosen_by": "review", "key": item.key}
    for name, value in how.items():
        setattr(label, name, value)
    label.project_id, label.item_id, label.user_id = project.id, item.id, caller.user_id
    label.created_at = now
    with tally.following(db, label, caller.user_id):
        _end_earlier_and_add(db, item, label, lease, earlier, now)
    _note_unlearned(db, project)


def _end_earlier_and_add(
    db: Session, item: Item, label: Label, lease: Lease | None, earlier: Label | None, now: datetime
) -> None:
    change = -1 if label.answer is not None else 0
    if lease is not None and lease.ended_at is None:
        lease.ended_at = now
        change += 1
    if earlier is not None:
        _end_label(earlier, "superseded", now)
        change += 1 if earlier.answer is not None else 0
        db.flush()  # the earlier must have ended before the unique index sees the later
    db.add(label)
    _change_item(db, item.id, change, is_settled=True)


def _end_label(label: Label, how: str, now: datetime) -> None:
    label.ended_at, label.ended_by = now, how
    label.learned_round_id = None  # a change that the next round must see


def _change_item(db: Session, item_id: int, slots: int, is_settled: bool) -> None:
    db.execute(
        update(Item)
        .where(Item.id == item_id)
        .values(slots=Item.slots + slots, is_settled=is_settled)
        .execution_options(synchronize_session=False)
    )


def _is_answered(db: Session, item_id: int) -> bool:
    return bool(db.scalar(select(exists().where(Label.item_id == item_id, Label.ended_at.is_(None)))))


def _forget_if_used_up(db: Session, item_id: int) -> None:
    """Delete the item's queue row when no answer is wanted or promised any more, so that claims stay short."""
    wanted = exists().where(Item.id == item_id, Item.slots > 0)
    leased = exists().where(Lease.item_id == item_id, Lease.ended_at.is_(None))
    db.flush()
    db.execute(
        delete(QueueRow)
        .where(QueueRow.item_id == item_id, ~wanted, ~leased)
        .execution_options(synchronize_session=False)
    )


def _note_unlearned(db: Session, project: Asked) -> None:
    """Nudge the worker when a round has become due by count; the sweep sees to lone labels and lost nudges."""
    db.flush()
    every = project.recipe["retrain_every"]
    fresh = select(Label.id).where(Label.project_id == project.id, Label.learned_round_id.is_(None)).limit(every + 1)
    if db.scalar(select(func.count()).select_from(fresh.subquery())) == every:
        jobs.enqueue(db, "run_round", project.id)
