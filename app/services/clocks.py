"""What a clock that went back has left in the future: leases that would hold for an hour, or for ever.

Every lease is made of now and a length, so one that ends later than twice its length from now was made by a clock
that has been set back since, or by another host's that is ahead. It is cut to what it would be if it were made now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models import Lease, Round, Shard, Simulation
from app.services.measuring import LEASE as MEASURING
from app.settings import current


@dataclass(frozen=True)
class Held:
    """A column that says until when something is held, how long that is at most, and which rows are held."""

    column: InstrumentedAttribute[Any]
    length: Callable[[], timedelta]
    is_live: ColumnElement[bool]


def _heartbeat() -> timedelta:
    return timedelta(seconds=current().heartbeat_seconds)


HELD = (
    Held(Lease.ends_at, lambda: timedelta(seconds=current().lease_seconds), Lease.ended_at.is_(None)),
    Held(Round.lease_ends_at, _heartbeat, Round.state == "open"),
    Held(Round.measure_ends_at, lambda: MEASURING, Round.measured_at.is_(None)),
    Held(Shard.lease_ends_at, _heartbeat, Shard.owner.is_not(None)),
    Held(Simulation.lease_ends_at, _heartbeat, Simulation.state == "open"),
)


def _ahead(held: Held, now: datetime) -> list[ColumnElement[bool]]:
    return [held.is_live, held.column > now + 2 * held.length()]


def are_ahead(db: Session, now: datetime) -> bool:
    """Whether anything is held for longer than it can be."""
    return any(db.scalar(select(exists().where(*_ahead(held, now)))) for held in HELD)


def rein_in(db: Session, now: datetime) -> int:
    """Cut what is held for too long; returns how much that was."""
    cut = 0
    for held in HELD:
        query = update(held.column.class_).where(*_ahead(held, now)).values({held.column: now + held.length()})
        cut += db.execute(query.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]  # an UPDATE's result has it
    return cut
