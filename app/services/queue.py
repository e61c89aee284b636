"""The queue: who is asked what next."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.models import OPEN, Item, Lease, Project
from app.services import choices, leases, reasons, tally
from app.services.access import ProjectFacts
from app.services.choices import Row

Asked = Project | ProjectFacts

MOST_AT_ONCE = 50
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
    why: dict[str, Any] | None
    suggestion: dict[str, Any] | None


@dataclass(frozen=True)
class Claims:
    """The answer to "give me next"; `empty_reason` says why there is nothing, where there is nothing."""

    items: list[Claim]
    empty_reason: str | None


def claim(
    db: Session, project: Asked, user_id: int, n: int, now: datetime, rng: random.Random, holds: int | None = None
) -> Claims:
    """Up to n items for this person: their own live leases first, then new ones by the design's order.

    Each new one is, by a coin with the recipe's random share, the next unanswered item in the audit order, else the
    best queue row; where the queue has nothing for this person, the audit order again, so that nobody waits.
    holds: what Access says, where the caller has asked it in this transaction; None: this person's turn is taken here.
    """
    n = max(1, min(n, MOST_AT_ONCE))
    is_postgresql = db.get_bind().dialect.name == "postgresql"
    if holds is None and is_postgresql:
        _one_at_a_time(db, project.id, user_id)
    # PostgreSQL counted before this person's turn had come: another tab may have leased something since.
    only_first = is_postgresql and holds == 0 and n == 1
    held = [] if holds == 0 and (only_first or not is_postgresql) else _own_leases(db, project, user_id, n, now)
    if len(held) < n:
        share = project.recipe["random_share"]
        coins = [rng.random() < share for _ in range(n - len(held))]
        hiding = _hiding(project, len(coins), rng)
        held += _choose(db, project, user_id, coins, hiding, now, only_first)
    if not held and only_first:
        held = _own_leases(db, project, user_id, n, now)
    items = [_claimed(row, project.recipe["show_suggestions"]) for row in held]
    return Claims(items, None if items else _why_empty(db, project, user_id))


def _one_at_a_time(db: Session, project_id: int, user_id: int) -> None:
    """Two tabs of one person take turns, or both would be given the same item."""
    db.execute(text("SELECT pg_advisory_xact_lock(:a, :b)"), {"a": project_id % 2**31, "b": user_id % 2**31})


def _own_leases(db: Session, project: Asked, user_id: int, n: int, now: datetime) -> list[Row]:
    """The caller's live leases, oldest first, pushed to a new end."""
    mine = [Lease.project_id == project.id, Lease.user_id == user_id, Lease.ended_at.is_(None), Lease.ends_at > now]
    columns = [Lease.id.label("lease_id"), Lease.chosen_by, Lease.reason, Lease.why]
    columns += [Lease.suggestion, Lease.suggestion_hidden]
    query = select(*columns, Item.id.label("item_id"), Item.external_id, Item.content)
    query = query.join(Item, Item.id == Lease.item_id).where(*mine).order_by(Lease.id).limit(n)
    held = db.execute(query).mappings().all()
    if not held:
        return []
    ends = leases.renew(db, user_id, [row["lease_id"] for row in held], now)
    return [{**row, "ends_at": ends[row["lease_id"]]} for row in held if row["lease_id"] in ends]


def _choose(
    db: Session,
    project: Asked,
    user_id: int,
    coins: list[bool],
    hiding: dict[str, Any],
    now: datetime,
    only_first: bool,
) -> list[Row]:
    """One new lease for each coin, as far as there are items."""
    told = {"project": project.id, "user": user_id, "now": now, "ends": leases.end_of(now), **hiding}
    told |= {"round": project.queue_round_id, "share": float(project.recipe["random_share"])}
    chosen: list[Row] = []
    if any(coins):
        chosen += choices.take(db, "random", {**told, **_drawn(db, project, told), "n": sum(coins)}, only_first)
    if len(chosen) < len(coins) and project.queue_round_id is not None:
        chosen += choices.take(db, "queue", {**told, "n": len(coins) - len(chosen)}, only_first)
    if len(chosen) < len(coins):
        pool = tally.unsettled(db, project)
        chosen += choices.take(db, "fresh", {**told, "pool": pool, "n": len(coins) - len(chosen)}, only_first)
    # Who has answered every item would walk through all that wait for others, at each poll.
    if len(chosen) < len(coins) and not tally.has_all(db, project, user_id):
        chosen += choices.take(db, "rest", {**told, "n": len(coins) - len(chosen)}, only_first)
    return chosen


def _hiding(project: Asked, n: int, rng: random.Random) -> dict[str, Any]:
    """`hides`: for each of n items, as a bit, whether this person is not to see what the model suggests of it; and
    `tossed`: the share of the coin that said so, None where it was none.

    That is a random share, or all where the lead shows none. The lease remembers both, and so does the label: how much
    suggestions sway people is told by comparing those that a coin has told apart; see `services/sway.py`.
    """
    share = project.recipe.get("hidden_share", 0.0) if project.recipe["show_suggestions"] else 1.0
    hides = sum(1 << k for k in range(n) if share and rng.random() < share)
    return {"hides": hides, "tossed": float(share) if 0 < share < 1 else None}


def _drawn(db: Session, project: Asked, told: dict[str, Any]) -> dict[str, Any]:
    """The probability with which an item is chosen at random, out of so many: `base`, and `bonus` for the `head`.

    Beside a queue that draws, given the coin. Beside one that always asks its head, over both sides of the coin: the
    head could have been asked by the other side, too, and without the coin's share no other item could.
    """
    pool = tally.unsettled(db, project)
    head = choices.head_of_queue(db, told) if project.queue_round_id is not None else None
    if head is not None and head["propensity"] is not None:
        return {"pool": pool, "base": 1 / pool, "head": None, "bonus": 0.0}
    item = head["item_id"] if head else None
    return {"pool": pool, "base": told["share"] / pool, "head": item, "bonus": 1 - told["share"]}


def _claimed(row: Row, show_suggestion: bool) -> Claim:
    is_hidden = row["suggestion_hidden"] or not show_suggestion
    return Claim(
        row["item_id"],
        row["external_id"],
        row["content"],
        row["lease_id"],
        row["ends_at"],
        row["chosen_by"],
        *reasons.told(row, is_hidden),
        None if is_hidden else row["suggestion"],
    )


def _why_empty(db: Session, project: Asked, user_id: int) -> str:
    if project.next_row == 0:
        return "no_items"
    if db.scalar(select(Item.id).where(Item.project_id == project.id, OPEN).limit(1)) is not None:
        return "only_yours"
    others = select(Lease.id).where(Lease.project_id == project.id, Lease.ended_at.is_(None), Lease.user_id != user_id)
    return "all_leased" if db.scalar(others.limit(1)) is not None else "all_answered"


def shown(item: Item, lease: Lease, show_suggestion: bool) -> Claim:
    """A lease as its holder sees it."""
    row = {name: getattr(lease, name) for name in choices.CHOICE}
    row |= {"item_id": item.id, "external_id": item.external_id, "content": item.content}
    return _claimed({**row, "lease_id": lease.id, "ends_at": lease.ends_at}, show_suggestion)
