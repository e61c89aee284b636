"""Shards: stretches of a long piece of work, each held by one worker under a lease, and taken over when that ends.

What a worker makes of a shard is a file named by its stretch: whoever makes it again makes the same, so that a slow
worker whose shard was taken over does no harm.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from app.models import Shard
from app.settings import current

ENCODE, SCORE = "encode", "score"


def lay_out(db: Session, project_id: int, kind: str, of_id: int, total: int, size: int) -> None:
    """Make the shards of a piece of work that is known whole; nobody holds them yet."""
    stretches = [(start, min(start + size, total)) for start in range(0, total, size)]
    same = {"project_id": project_id, "kind": kind, "of_id": of_id}
    db.execute(insert(Shard), [{**same, "start": start, "stop": stop} for start, stop in stretches])


def hold(
    db: Session, project_id: int, kind: str, of_id: int, stretch: tuple[int, int], owner: str, now: datetime
) -> Shard:
    """Make one shard and hold it."""
    made = Shard(project_id=project_id, kind=kind, of_id=of_id, start=stretch[0], stop=stretch[1])
    made.owner, made.lease_ends_at = owner, lease_end(now)
    db.add(made)
    db.flush()
    return made


def take(db: Session, kind: str, of_id: int, owner: str, now: datetime) -> Shard | None:
    """The first shard that nobody holds, or whose holder gave no sign of life; None where all are held or done."""
    found = db.scalar(
        select(Shard)
        .where(*_of(kind, of_id), _is_free(now))
        .order_by(Shard.start)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if found is not None:
        found.owner, found.lease_ends_at = owner, lease_end(now)
        db.flush()
    return found


def _of(kind: str, of_id: int) -> tuple[Any, ...]:
    return Shard.kind == kind, Shard.of_id == of_id


def _is_free(now: datetime) -> Any:
    return ~Shard.is_done & or_(Shard.owner.is_(None), Shard.lease_ends_at <= now)


def is_free(one: Shard, now: datetime) -> bool:
    """Whether a worker may take this shard."""
    return not one.is_done and (one.owner is None or one.lease_ends_at is None or one.lease_ends_at <= now)


def finish(db: Session, shard_id: int, owner: str) -> bool:
    """Say that a shard is done; False where another worker has taken it over, or its work was ended."""
    mine = update(Shard).where(Shard.id == shard_id, Shard.owner == owner)
    return bool(db.execute(mine.values(is_done=True, owner=None, lease_ends_at=None)).rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def let_go(db: Session, shard_id: int, owner: str) -> None:
    """Give a shard back, undone."""
    mine = update(Shard).where(Shard.id == shard_id, Shard.owner == owner, ~Shard.is_done)
    db.execute(mine.values(owner=None, lease_ends_at=None))


def end(db: Session, kind: str, of_ids: Iterable[int]) -> None:
    """Forget the shards of work that is over."""
    gone = delete(Shard).where(Shard.kind == kind, Shard.of_id.in_(list(of_ids)))
    db.execute(gone.execution_options(synchronize_session=False))


def count(db: Session, kind: str, of_id: int) -> tuple[int, int, int]:
    """How many shards are done, how many are held, how many there are."""
    is_held = Shard.owner.is_not(None)
    query = select(func.count().filter(Shard.is_done), func.count().filter(is_held), func.count())
    done, held, all_of_them = db.execute(query.where(*_of(kind, of_id))).one()
    return done, held, all_of_them


def free_projects(db: Session, kind: str, now: datetime) -> list[int]:
    """The projects that have a shard to take."""
    return list(db.scalars(select(Shard.project_id).where(Shard.kind == kind, _is_free(now)).distinct()))


def give_up(db: Session, is_dead: Callable[[str], bool]) -> int:
    """Let go what dead workers hold; returns how much that was."""
    ended = 0
    for one in db.scalars(select(Shard).where(Shard.owner.is_not(None))):
        if is_dead(one.owner or ""):
            one.owner, one.lease_ends_at = None, None
            ended += 1
    return ended


def lease_end(now: datetime) -> datetime:
    """Until when a shard that is taken now is held without a sign of life."""
    return now + timedelta(seconds=current().heartbeat_seconds)
