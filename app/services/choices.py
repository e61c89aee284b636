"""Choosing: the statements that find an item for a person and put it into their hands.

Each is built once and its text never changes, so that neither SQLAlchemy nor the database does its part twice.
PostgreSQL chooses, takes the slot and writes the lease in one statement; SQLite, which has no such statement but
lives in the process and has one writer, does it in three.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.core.reasons import Reason
from app.models import OPEN, UNSETTLED, BigId, Choice, Item, Json, Label, Lease, QueueRow, Round, UtcDateTime

# The queue; the audit order as a random check; as a fallback; as a fallback among items that somebody has answered.
Source = Literal["queue", "random", "fresh", "rest"]
Row = Mapping[Any, Any]  # by a column's name

CHOICE = tuple(Choice.__annotations__)
REASONS = {kind: str(Reason(kind)) for kind in ("random", "fallback")}
_PROJECT, _USER = bindparam("project", type_=BigId), bindparam("user", type_=BigId)
_NOW, _ENDS = bindparam("now", type_=UtcDateTime()), bindparam("ends", type_=UtcDateTime())
_NOTHING = literal_column("0", Integer)
_ROUND, _N = bindparam("round", type_=BigId), bindparam("n", type_=Integer)


def take(db: Session, source: Source, told: dict[str, Any], only_first: bool = False) -> list[Row]:
    """Up to told["n"] items for a person, leased now: the lease's columns, and the item's id, name and content.

    told: `project`, `user`, `now`, `ends`, `n`, and in the bits of `hides` whether the first, second … is not to be
    shown its suggestion, by a coin of the share `tossed` (None: without a coin); for the queue `round` and `share`; for
    the others `pool`, and for a random check `base`, `head`, `bonus` of its probability. only_first: nothing for
    somebody who holds a lease.
    """
    connection = db.connection()
    if connection.dialect.name == "postgresql":
        return list(connection.execute(_at_once(source, only_first), told).mappings())
    taken: list[Row] = []
    for place, found in enumerate(connection.execute(_pick(source).limit(_N), told).mappings().all()):
        is_hidden = found["suggestion"] is not None and bool(told["hides"] >> place & 1)
        tossed = None if found["suggestion"] is None else told["tossed"]
        row = {**found, "suggestion_hidden": is_hidden, "hidden_share": tossed}
        connection.execute(_SLOT, {"item": row["item_id"]})
        lease = {name: row[name] for name in CHOICE}
        lease |= {"project_id": told["project"], "item_id": row["item_id"], "user_id": told["user"]}
        made = connection.execute(_LEASE, {**lease, "created_at": told["now"], "ends_at": told["ends"]})
        lease_id = made.inserted_primary_key[0]  # type: ignore[index]  # one row was inserted, so it is there
        taken.append({**row, "lease_id": lease_id, "ends_at": told["ends"]})
    return taken


def head_of_queue(db: Session, told: dict[str, Any]) -> Row | None:
    """The item_id and propensity of the queue's best row for a person."""
    return db.connection().execute(_HEAD, told).mappings().first()


def open_to(user_id: Any) -> list[ColumnElement[bool]]:
    """An item with a slot, without this person's answer, skip or lease."""
    standing = select(Label.id).where(Label.item_id == Item.id, Label.user_id == user_id, Label.ended_at.is_(None))
    leased = select(Lease.id).where(Lease.item_id == Item.id, Lease.user_id == user_id, Lease.ended_at.is_(None))
    # The offset keeps PostgreSQL from reading all of a person's labels once, in place of one item's a few times: it
    # plans these statements for tables that were small when it last looked.
    return [OPEN, ~exists(standing.offset(_NOTHING)), ~exists(leased.offset(_NOTHING))]


@cache
def _pick(source: Source) -> Select[Any]:
    """The items to take, best first, each with how it was chosen."""
    if source == "queue":
        how = _from_queue()
        query = select(*how).join(QueueRow, QueueRow.item_id == Item.id).join(Round, Round.id == QueueRow.round_id)
        return query.where(QueueRow.round_id == _ROUND, *open_to(_USER)).order_by(QueueRow.rank)
    query = select(*_from_audit_order(source)).where(Item.project_id == _PROJECT).order_by(Item.key)
    if source == "rest":
        return query.where(*open_to(_USER))
    # The sum hides the slots from the index of open items: where several answers are wanted, that index begins with
    # all the items that have some, and each claim would walk past them.
    _, *not_mine = open_to(_USER)
    return query.where(UNSETTLED, Item.slots + 0 > 0, *not_mine)


def _item() -> list[ColumnElement[Any]]:
    return [Item.id.label("item_id"), Item.external_id.label("external_id"), Item.content.label("content"),
            Item.key.label("key")]  # fmt: skip


def _from_queue() -> list[ColumnElement[Any]]:
    share = bindparam("share", type_=Float)
    pool = case((Round.pool_size < 1, 1), else_=Round.pool_size)
    return [
        *_item(),
        literal_column("'queue'", String).label("chosen_by"),
        func.coalesce(QueueRow.propensity, 1 - share + share / cast(pool, Float)).label("inclusion_probability"),
        Round.number.label("round_number"),
        Round.strategy.label("strategy"),
        QueueRow.score.label("score"),
        QueueRow.rank.label("rank"),
        Round.pool_size.label("pool_size"),
        QueueRow.reason.label("reason"),
        QueueRow.why.label("why"),
        QueueRow.suggestion.label("suggestion"),
        false().label("suggestion_hidden"),
        cast(null(), Float).label("hidden_share"),
        QueueRow.rank.label("place"),
    ]


def _from_audit_order(source: Source) -> list[ColumnElement[Any]]:
    chosen_by = "random" if source == "random" else "fallback"
    probability: ColumnElement[Any] = cast(null(), Float)
    if source == "random":
        bonus = case((Item.id == bindparam("head", type_=BigId), bindparam("bonus", type_=Float)), else_=0.0)
        probability = bindparam("base", type_=Float) + bonus
    elif source == "fresh":
        probability = 1.0 / bindparam("pool", type_=Float)
    return [
        *_item(),
        literal_column(f"'{chosen_by}'", String).label("chosen_by"),
        probability.label("inclusion_probability"),
        cast(null(), Integer).label("round_number"),
        cast(null(), String).label("strategy"),
        cast(null(), Float).label("score"),
        cast(null(), Integer).label("rank"),
        (cast(null(), Integer) if source == "rest" else cast(bindparam("pool"), Integer)).label("pool_size"),
        literal(REASONS[chosen_by]).label("reason"),
        cast(null(), Json).label("why"),
        cast(null(), Json).label("suggestion"),
        false().label("suggestion_hidden"),
        cast(null(), Float).label("hidden_share"),
        Item.key.label("place"),
    ]


@cache
def _at_once(source: Source, only_first: bool) -> Select[Any]:
    """PostgreSQL: pick, take the slot, lease. Rows that somebody else is taking at this moment are passed over."""
    query = _pick(source).with_for_update(of=Item, skip_locked=True, key_share=True).limit(_N)
    if only_first:
        own = [Lease.project_id == _PROJECT, Lease.user_id == _USER, Lease.ended_at.is_(None), Lease.ends_at > _NOW]
        query = query.where(~exists(select(Lease.id).where(*own).offset(_NOTHING)))
    pick = query.cte("pick")
    # Written as an expression: another session's change of the slots must not be overwritten.
    took = update(_items).where(_items.c.id == pick.c.item_id).values(slots=_items.c.slots - 1)
    names = ["project_id", "item_id", "user_id", "created_at", "ends_at", *CHOICE]
    coin = {"suggestion_hidden": _is_hidden(pick), "hidden_share": _tossed(pick)}
    how = [coin[name] if name in coin else pick.c[name] for name in CHOICE]
    lease = select(_PROJECT, pick.c.item_id, _USER, _NOW, _ENDS, *how)
    told = (_leases.c.id, _leases.c.item_id, _leases.c.ends_at, _leases.c.suggestion_hidden)
    made_rows = insert(_leases).from_select(names, lease).returning(*told).cte("made")
    picked = [column for column in pick.c if column.name != "suggestion_hidden"]
    whole = select(*picked, made_rows.c.id.label("lease_id"), made_rows.c.ends_at, made_rows.c.suggestion_hidden)
    whole = whole.join(made_rows, made_rows.c.item_id == pick.c.item_id).order_by(pick.c.place)
    return whole.add_cte(took.returning(_items.c.id).cte("took"))


def _is_hidden(pick: CTE) -> ColumnElement[bool]:
    """Whether the bit of this row's place says so, where there is a suggestion to hide."""
    place = cast(func.row_number().over(order_by=pick.c.place), Integer) - 1
    bit = bindparam("hides", type_=BigId).op(">>")(place).op("&")(1)
    return case((pick.c.suggestion.is_(None), false()), else_=bit == 1)


def _tossed(pick: CTE) -> ColumnElement[Any]:
    """The coin's share, where there is a suggestion to hide."""
    return case((pick.c.suggestion.is_(None), cast(null(), Float)), else_=bindparam("tossed", type_=Float))


_items: Table = Item.metadata.tables["item"]
_leases: Table = Lease.metadata.tables["lease"]
_SLOT = update(_items).where(_items.c.id == bindparam("item")).values(slots=_items.c.slots - 1)
_LEASE = insert(_leases)
_HEAD = (
    select(QueueRow.item_id, QueueRow.propensity)
    .join(Item, Item.id == QueueRow.item_id)
    .where(QueueRow.round_id == _ROUND, *open_to(_USER))
    .order_by(QueueRow.rank)
    .limit(1)
)
