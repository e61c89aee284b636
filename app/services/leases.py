"""Leases: renewing, giving back, ending. Every way out of a lease gives its slot back once.

Everybody who touches slots locks the item's row first and the lease's row second; two orders would deadlock.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from app.errors import Forbidden
from app.models import Item, Lease, Member
from app.settings import current


def end_of(now: datetime) -> datetime:
    """When a lease that begins or is renewed now ends."""
    return now + timedelta(seconds=current().lease_seconds)


def renew(db: Session, user_id: int, lease_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Push the end of one's live leases; returns those that still live, with their new ends."""
    query = (
        update(Lease)
        .where(Lease.id.in_(lease_ids), Lease.user_id == user_id, Lease.ended_at.is_(None))
        .values(ends_at=end_of(now))
        .returning(Lease.id)
        .execution_options(synchronize_session=False)
    )
    return dict.fromkeys(db.scalars(query), end_of(now))


def release(db: Session, user_id: int, lease_id: int, now: datetime) -> None:
    """Give an item back unanswered. Releasing what is over already, or never was, changes nothing.

    Raises Forbidden for another member's lease; to a stranger to the project there is none.
    """
    lease = db.get(Lease, lease_id)
    if lease is None or lease.ended_at is not None:
        return
    if lease.user_id != user_id:
        if db.get(Member, (lease.project_id, user_id)) is None:
            return
        raise Forbidden("This lease is somebody else's.")
    end_leases(db, [(lease.id, lease.item_id)], now)


def end_leases(db: Session, leases: Sequence[tuple[int, int]], now: datetime, only_expired: bool = False) -> int:
    """End leases (id, item id) that still live and give their slots back; returns how many.

    The items must be locked by the caller or be few: the statement that ends a lease is the one that decides, so a
    lease that two sides end at once gives its slot back once.
    """
    items = sorted({item_id for _, item_id in leases})
    if db.get_bind().dialect.name == "postgresql":
        db.execute(select(Item.id).where(Item.id.in_(items)).order_by(Item.id).with_for_update(key_share=True))
    query = update(Lease).where(Lease.id.in_([lease_id for lease_id, _ in leases]), Lease.ended_at.is_(None))
    if only_expired:  # it may have been renewed since it was found
        query = query.where(Lease.ends_at <= now)
    ended = db.scalars(
        query.values(ended_at=now).returning(Lease.item_id).execution_options(synchronize_session=False)
    ).all()
    for item_id in ended:
        db.execute(update(Item).where(Item.id == item_id).values(slots=Item.slots + 1))
    return len(ended)


def end_expired(db: Session, now: datetime, most: int = 500) -> int:
    """Give back the slots of leases whose end has passed; returns how many."""
    query = (
        select(Lease.id, Lease.item_id)
        .join(Item, Item.id == Lease.item_id)
        .where(Lease.ended_at.is_(None), Lease.ends_at <= now)
        .order_by(Lease.ends_at)
        .limit(most)
    )
    expired = [
        (lease_id, item_id)
        for lease_id, item_id in db.execute(query.with_for_update(of=Item, skip_locked=True, key_share=True))
    ]
    return end_leases(db, expired, now, only_expired=True) if expired else 0


def has_expired(db: Session, now: datetime) -> bool:
    """Whether some lease's end has passed."""
    return bool(db.scalar(select(exists().where(Lease.ended_at.is_(None), Lease.ends_at <= now))))
