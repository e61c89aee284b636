"""The usual answer: by somebody who holds the item, has not answered it before, with an id that is new.

Nine of ten answers are of this kind, so it is as few statements as can be: one on PostgreSQL, some short ones in the
process on SQLite. Whatever is unusual changes nothing here and is left to `labels`.
"""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Delete,
    Exists,
    Float,
    Integer,
    Select,
    String,
    Table,
    Update,
    Uuid,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.models import BigId, Item, Json, Label, Lease, QueueRow, UtcDateTime
from app.services import tally
from app.services.access import ItemFacts
from app.services.choices import CHOICE, Row

_items: Table = Item.metadata.tables["item"]
_labels: Table = Label.metadata.tables["label"]
_leases: Table = Lease.metadata.tables["lease"]
_queue: Table = QueueRow.metadata.tables["queue"]
_ITEM, _USER, _PROJECT = (bindparam(name, type_=BigId) for name in ("item", "user", "project"))
_ID, _NOW = bindparam("label", type_=Uuid()), bindparam("now", type_=UtcDateTime())
# Names with a prefix: SQLAlchemy keeps a column's own name in an INSERT for itself.
_SAID = {
    "answer": bindparam("said_answer", type_=Json),
    "skip_reason": bindparam("said_skip_reason", type_=String),
    "seconds": bindparam("said_seconds", type_=Float),
    "raw_seconds": bindparam("said_raw_seconds", type_=Float),
    "unsure": bindparam("said_unsure", type_=Boolean),
    "comment": bindparam("said_comment", type_=String),
}


def put(
    db: Session, item: Item | ItemFacts, project_id: int, user_id: int, label_id: UUID, said: dict[str, Any],
    now: datetime, every: int,
) -> tuple[Row, int] | None:  # fmt: skip
    """Store it; returns how the item had been chosen, and how many labels wait to be learned, counted to `every` + 1.

    said: `answer`, `seconds` and the fields of a Remark. The item's row is locked; an answer gives its lease's slot
    back and takes one, so its slots stay. None where this is no usual answer: nothing has changed then.
    """
    told = {"item": item.id, "user": user_id, "project": project_id, "label": label_id, "now": now}
    told |= {"used_up": item.slots <= 0, "most": every + 1, "said_skip_reason": None}
    told |= {f"said_{name}": value for name, value in said.items()}
    connection = db.connection()
    if connection.dialect.name == "postgresql":
        row = connection.execute(_at_once(), {**told, "settles": int(not item.is_settled)}).mappings().first()
        return (row, row["waiting"] + 1) if row else None
    how = connection.execute(_END_LEASE, told).mappings().first()
    if how is None:
        return None
    is_first = item.is_settled is False or not connection.execute(_HAS_ANSWER, told).scalar_one()
    connection.execute(_INSERT, {**_label(told), **how})
    connection.execute(_SETTLE, told)
    who = tally.NOBODY if how["chosen_by"] == "import" else user_id
    tally.add(db, project_id, who, tally.Counts(int(not item.is_settled), int(is_first), 1))
    if item.slots <= 0:
        connection.execute(_FORGET, told)
    return how, connection.execute(_WAITING, told).scalar_one()


def _label(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": told["label"],
        "project_id": told["project"],
        "item_id": told["item"],
        "user_id": told["user"],
        "created_at": told["now"],
        **{name: told[f"said_{name}"] for name in _SAID},
    }


def _ending() -> Update:
    """End the lease, where there is one and the answer is a usual one; gives how the item had been chosen."""
    mine = [_leases.c.item_id == _ITEM, _leases.c.user_id == _USER, _leases.c.ended_at.is_(None)]
    earlier = exists().where(Label.item_id == _ITEM, Label.user_id == _USER, Label.ended_at.is_(None))
    known = exists().where(Label.id == _ID)
    ending = update(_leases).where(*mine, ~earlier, ~known).values(ended_at=_NOW)
    return ending.returning(*(_leases.c[name] for name in CHOICE))


def _forgetting(*more: ColumnElement[bool]) -> Delete:
    """Delete the queue row of an item that nobody is to answer any more, so that claims stay short."""
    # Said so that PostgreSQL does not see the condition of the index of live leases, and walk through all of those.
    lives = case((Lease.ended_at.is_(None), 1), else_=0) == 1
    others = exists().where(Lease.item_id == _ITEM, Lease.user_id != _USER, lives)
    return delete(_queue).where(_queue.c.item_id == _ITEM, ~others, *more)


def _waiting() -> Select[Any]:
    fresh = select(Label.id).where(Label.project_id == _PROJECT, Label.learned_round_id.is_(None))
    return select(func.count()).select_from(fresh.limit(bindparam("most", type_=Integer)).subquery())


def _has_answer() -> Exists:
    return exists().where(Label.item_id == _ITEM, Label.ended_at.is_(None), Label.answer.is_not(None))


_END_LEASE = _ending()
_HAS_ANSWER = select(_has_answer())
_INSERT = insert(_labels)
_SETTLE = update(_items).where(_items.c.id == _ITEM).values(is_settled=True)
_FORGET = _forgetting()
_WAITING = _waiting()


@cache
def _at_once() -> Select[Any]:
    """PostgreSQL: all of it in one statement. Each part sees the tables as they were before it; the item is locked."""
    ended = _ending().cte("ended")
    names = ["id", "project_id", "item_id", "user_id", "created_at", *_SAID, *CHOICE]
    values = select(_ID, _PROJECT, _ITEM, _USER, _NOW, *_SAID.values(), *(ended.c[name] for name in CHOICE))
    put = insert(_labels).from_select(names, values).returning(_labels.c.id).cte("put")
    settled = _SETTLE.where(exists().select_from(ended)).returning(_items.c.id).cte("settled")
    used_up = bindparam("used_up", type_=Boolean)
    gone = _forgetting(used_up, exists().select_from(ended)).returning(_queue.c.rank).cte("gone")
    whole = select(*(ended.c[name] for name in CHOICE), _waiting().scalar_subquery().label("waiting"))
    return whole.add_cte(put, settled, gone, _counting(ended).cte("counted"))


def _counting(ended: CTE) -> Any:
    """Add the answer to the tally, in the statement that stores it."""
    who = case((ended.c.chosen_by == "import", tally.NOBODY), else_=_USER)
    counts = [bindparam("settles", type_=Integer), case((_has_answer(), 0), else_=1), literal(1), literal(0)]
    made = tally.upsert("postgresql").from_select(
        ["project_id", "user_id", *tally.COUNTS], select(_PROJECT, who, *counts).select_from(ended)
    )
    return made.returning(literal(1).label("done"))
