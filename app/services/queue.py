"""The queue: who is asked what next."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Select, exists, func, select, text, update
from sqlalchemy.orm import Session

from app.models import Item, Label, Lease, Project, QueueRow, Round
from app.services import leases

Row = TypeVarTuple("Row")

MOST_AT_ONCE = 50
# Below this many items the pool is counted at each draw; above, the last round's count stands in for it.
COUNTED_BELOW = 50_000
REASONS = {
    "random": "Random check: measures how good the model is",
    "fallback": "Next in random order",
}
EMPTY = {
    "no_items": "There are no items yet.",
    "all_answered": "Every item has all its answers.",
    "all_leased": "The last items are in other people's hands; they may come back.",
    "only_yours": "Only items that you have answered or skipped are left.",
}


@dataclass(frozen=True)
class Claim:
    """One item in the caller's hands: what to show, until when, and why it was chosen."""

    item_id: int
    external_id: str | None
    content: dict[str, Any]
    lease_id: int
    ends_at: datetime
    chosen_by: str
    reason: str
    suggestion: dict[str, Any] | None


@dataclass(frozen=True)
class Claims:
    """The answer to "give me next"; `empty_reason` says why there is nothing, where there is nothing."""

    items: list[Claim]
    empty_reason: str | None


def claim(db: Session, project: Project, user_id: int, n: int, now: datetime, rng: random.Random) -> Claims:
    """Up to n items for this person: their own live leases first, then new ones by the design's order.

    Each new one is, by a coin with the recipe's random share, the next unanswered item in the audit order, else the
    best queue row; where the queue has nothing for this person, the audit order again, so that nobody waits.
    """
    n = max(1, min(n, MOST_AT_ONCE))
    _one_at_a_time(db, project.id, user_id)
    held = _own_leases(db, project, user_id, n, now)
    wanted = n - len(held)
    if wanted > 0:
        share = project.recipe["random_share"]
        coins = [rng.random() < share for _ in range(wanted)]
        new = _choose(db, project, user_id, coins, now)
        db.add_all(lease for lease, _ in new)
        db.flush()
        held += new
    show = project.recipe["show_suggestions"]
    items = [shown(item, lease, show) for lease, item in held]
    return Claims(items, None if items else _why_empty(db, project, user_id))


def _one_at_a_time(db: Session, project_id: int, user_id: int) -> None:
    """Two tabs of one person take turns, or both would be given the same item."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:a, :b)"), {"a": project_id % 2**31, "b": user_id % 2**31})


def _own_leases(db: Session, project: Project, user_id: int, n: int, now: datetime) -> list[tuple[Lease, Item]]:
    query = (
        select(Lease, Item)
        .join(Item, Item.id == Lease.item_id)
        .where(Lease.project_id == project.id, Lease.user_id == user_id, Lease.ended_at.is_(None), Lease.ends_at > now)
        .order_by(Lease.id)
        .limit(n)
    )
    held = [(lease, item) for lease, item in db.execute(query)]
    for lease, _ in held:
        lease.ends_at = leases.end_of(now)
    return held


def _choose(db: Session, project: Project, user_id: int, coins: list[bool], now: datetime) -> list[tuple[Lease, Item]]:
    """One new lease for each coin, as far as there are items; takes their slots."""
    chosen: list[tuple[Item, dict[str, Any]]] = []
    if any(coins):
        chosen += _at_random(db, project, user_id, sum(coins))
    missing = len(coins) - len(chosen)
    if missing:
        chosen += _from_queue(db, project, user_id, missing, [item.id for item, _ in chosen])
    missing = len(coins) - len(chosen)
    if missing:
        chosen += _fallback(db, project, user_id, missing, [item.id for item, _ in chosen])
    made = []
    for item, how in chosen:
        # Written as an expression: another session's change of the slots must not be overwritten.
        db.execute(update(Item).where(Item.id == item.id).values(slots=Item.slots - 1))
        lease = Lease(
            project_id=project.id,
            item_id=item.id,
            user_id=user_id,
            created_at=now,
            ends_at=leases.end_of(now),
            key=item.key,
            **how,
        )
        made.append((lease, item))
    return made


def _open_to(user_id: int) -> list[ColumnElement[bool]]:
    """An item with a slot, without this person's answer, skip or lease."""
    standing = exists().where(Label.item_id == Item.id, Label.user_id == user_id, Label.ended_at.is_(None))
    leased = exists().where(Lease.item_id == Item.id, Lease.user_id == user_id, Lease.ended_at.is_(None))
    return [Item.slots > 0, ~standing, ~leased]


def _in_queue(project: Project, user_id: int) -> Select[Item, QueueRow]:
    return (
        select(Item, QueueRow)
        .join(QueueRow, QueueRow.item_id == Item.id)
        .where(QueueRow.round_id == project.queue_round_id, *_open_to(user_id))
        .order_by(QueueRow.rank)
    )


def _in_audit_order(project: Project, user_id: int) -> Select[Item]:
    return select(Item).where(Item.project_id == project.id, *_open_to(user_id)).order_by(Item.key)


def _at_random(db: Session, project: Project, user_id: int, n: int) -> list[tuple[Item, dict[str, Any]]]:
    """The unanswered items with the smallest keys. Each key is uniform, so this is a draw from the unanswered pool."""
    query = _in_audit_order(project, user_id).where(~Item.is_settled)
    items = db.scalars(_locked(query.limit(n))).all()
    if not items:
        return []
    pool, share = _pool_size(db, project), project.recipe["random_share"]
    head = None
    if project.queue_round_id is not None:
        columns = [QueueRow.item_id, QueueRow.propensity]
        head = db.execute(_in_queue(project, user_id).with_only_columns(*columns).limit(1)).one_or_none()
    how = {"chosen_by": "random", "reason": REASONS["random"], "pool_size": pool}
    return [(item, {**how, "inclusion_probability": _drawn(item.id, head, share, pool)}) for item in items]


def _drawn(item_id: int, head: Any, share: float, pool: int) -> float:
    """The probability with which an item was chosen at random, out of so many.

    Beside a queue that draws, given the coin. Beside one that always asks its head, over both sides of the coin: the
    head could have been asked by the other side, too, and without the coin's share no other item could.
    """
    if head is not None and head.propensity is not None:
        return 1 / pool
    return share / pool + (1 - share if head is not None and item_id == head.item_id else 0)


def _from_queue(
    db: Session, project: Project, user_id: int, n: int, but: Sequence[int]
) -> list[tuple[Item, dict[str, Any]]]:
    if project.queue_round_id is None:
        return []
    made = db.get_one(Round, project.queue_round_id)
    query = _in_queue(project, user_id).where(Item.id.not_in(but)).limit(n)
    share = project.recipe["random_share"]
    how = {
        "chosen_by": "queue",
        "round_number": made.number,
        "strategy": made.strategy,
        "pool_size": made.pool_size,
    }
    head = 1 - share + share / max(made.pool_size, 1)
    return [
        (
            item,
            {
                **how,
                "inclusion_probability": head if row.propensity is None else row.propensity,
                "score": row.score,
                "rank": row.rank,
                "reason": row.reason,
                "suggestion": row.suggestion,
            },
        )
        for item, row in db.execute(_locked(query))
    ]


def _fallback(
    db: Session, project: Project, user_id: int, n: int, but: Sequence[int]
) -> list[tuple[Item, dict[str, Any]]]:
    """The audit order when the queue has nothing: items without any answer first, then those that want more."""
    fresh = _in_audit_order(project, user_id).where(~Item.is_settled, Item.id.not_in(but)).limit(n)
    items = list(db.scalars(_locked(fresh)))
    how: dict[str, Any] = {"chosen_by": "fallback", "reason": REASONS["fallback"]}
    if items:
        pool = _pool_size(db, project)
        drawn = {**how, "pool_size": pool, "inclusion_probability": 1 / pool}
        found = [(item, drawn) for item in items]
    else:
        found = []
    if len(found) < n:
        taken = [*but, *(item.id for item in items)]
        rest = _in_audit_order(project, user_id).where(Item.id.not_in(taken)).limit(n - len(found))
        found += [(item, how) for item in db.scalars(_locked(rest))]
    return found


def _locked(query: Select[*Row]) -> Select[*Row]:
    """Rows that somebody else is taking at this moment are passed over; SQLite has one writer and ignores it."""
    return query.with_for_update(of=Item, skip_locked=True, key_share=True)


def _pool_size(db: Session, project: Project) -> int:
    if project.next_row > COUNTED_BELOW and project.queue_round_id is not None:
        return max(1, db.scalar(select(Round.pool_size).where(Round.id == project.queue_round_id)) or 1)
    count = db.scalar(select(func.count()).select_from(Item).where(Item.project_id == project.id, ~Item.is_settled))
    return max(1, count or 1)


def _why_empty(db: Session, project: Project, user_id: int) -> str:
    if project.next_row == 0:
        return "no_items"
    if db.scalar(select(Item.id).where(Item.project_id == project.id, Item.slots > 0).limit(1)) is not None:
        return "only_yours"
    others = select(Lease.id).where(Lease.project_id == project.id, Lease.ended_at.is_(None), Lease.user_id != user_id)
    return "all_leased" if db.scalar(others.limit(1)) is not None else "all_answered"


def shown(item: Item, lease: Lease, show_suggestion: bool) -> Claim:
    """A lease as its holder sees it."""
    return Claim(
        item.id,
        item.external_id,
        item.content,
        lease.id,
        lease.ends_at,
        lease.chosen_by,
        lease.reason or "",
        lease.suggestion if show_suggestion else None,
    )
