"""Clocks that are set back: what they left in the future holds nobody up, and the sweep goes on."""

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update

from app.db import reading, transaction
from app.models import Base, Item, Label, Lease, Project, Round, Shard, User
from app.services import clocks, labels, leases, users
from app.services.passing import has_passed
from app.settings import current
from app.steady import Every
from tests.conftest import NOW, MakeProject
from workers import tasks

AHEAD = NOW + timedelta(hours=1)


def test_a_lease_made_by_a_clock_that_was_ahead_ends_when_it_should(make_project: MakeProject, bob: User) -> None:
    project = make_project(["one"])
    with transaction() as db:
        item = db.scalars(select(Item)).one()
        times = {"created_at": AHEAD, "ends_at": leases.end_of(AHEAD)}
        db.add(Lease(project_id=project.id, item_id=item.id, user_id=bob.id, chosen_by="queue", **times))
        fields = {"project_id": project.id, "seed": 1, "recipe": {}, "opened_at": AHEAD, "owner": "x:1:y"}
        db.add(Round(number=1, state="open", lease_ends_at=AHEAD, **fields))
        fields = {"kind": "encode", "of_id": 1, "start": 0, "stop": 9, "owner": "x:1:y", "lease_ends_at": AHEAD}
        db.add(Shard(project_id=project.id, **fields))
    with reading() as db:
        assert clocks.are_ahead(db, NOW)
    with transaction() as db:
        assert clocks.rein_in(db, NOW) == 3
    with reading() as db:
        assert not clocks.are_ahead(db, NOW)
        heartbeat = NOW + timedelta(seconds=current().heartbeat_seconds)
        assert db.scalars(select(Lease.ends_at)).one() == leases.end_of(NOW)
        assert db.scalars(select(Round.lease_ends_at)).one() == heartbeat
        assert db.scalars(select(Shard.lease_ends_at)).one() == heartbeat


def test_a_lease_that_was_made_now_is_left_alone(make_project: MakeProject, bob: User) -> None:
    project = make_project(["one"])
    with transaction() as db:
        item = db.scalars(select(Item)).one()
        times = {"created_at": NOW, "ends_at": leases.end_of(NOW)}
        db.add(Lease(project_id=project.id, item_id=item.id, user_id=bob.id, chosen_by="queue", **times))
    with transaction() as db:
        assert not clocks.are_ahead(db, NOW)
        assert clocks.rein_in(db, NOW) == 0


def test_a_moment_in_the_future_is_long_ago() -> None:
    wait = timedelta(seconds=5)
    assert not has_passed(NOW, wait, NOW + timedelta(seconds=4))
    assert has_passed(NOW, wait, NOW + timedelta(seconds=5))
    assert has_passed(AHEAD, wait, NOW)


def test_beat_asks_by_the_steady_clock(monkeypatch: Any) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    every = Every(0.5)
    in_the_future = datetime(2999, 1, 1)  # noqa: DTZ001  # as a clock that was set back left it
    assert every.is_due(in_the_future) == (True, 0.5)
    clock[0] += 0.2
    is_due, after = every.is_due(in_the_future)
    assert (is_due, round(after, 6)) == (False, 0.3)
    clock[0] += 0.3
    assert every.is_due(in_the_future).is_due


def test_a_worker_sweeps_by_itself_where_nobody_asks(
    make_project: MakeProject, bob: User, monkeypatch: Any, sent: list[Any]
) -> None:
    project: Project = make_project(["one"])
    with transaction() as db:
        item = db.scalars(select(Item)).one()
        times = {"created_at": NOW, "ends_at": NOW}
        db.add(Lease(project_id=project.id, item_id=item.id, user_id=bob.id, chosen_by="queue", **times))
        db.execute(update(Item).values(slots=0))
    monkeypatch.setitem(tasks._state, "swept", time.monotonic())
    tasks.sweep_if_nobody_does()
    with reading() as db:
        assert db.scalars(select(Item.slots)).one() == 0
    monkeypatch.setitem(tasks._state, "swept", time.monotonic() - tasks.UNSWEPT_SECONDS - 1)
    tasks.sweep_if_nobody_does()
    with reading() as db:
        assert db.scalars(select(Item.slots)).one() == 1


def test_an_answer_from_the_future_is_late_for_nothing(make_project: MakeProject, bob: User) -> None:
    project = make_project(["one"])
    with transaction() as db:
        item = db.scalars(select(Item)).one()
        labels.submit(db, project, item.id, users.caller(bob), uuid4(), {"class": "spam"}, None, AHEAD, True)
    with transaction() as db:
        label = db.scalars(select(Label)).one()
        labels.undo(db, users.caller(bob), label.id, NOW)
    with reading() as db:
        assert db.scalars(select(Label.ended_by)).one() == "undone"


def test_every_column_that_holds_something_is_reined_in() -> None:
    """A new kind of lease belongs into the list, or a clock that is set back holds it for as long."""
    known = {f"{held.column.class_.__tablename__}.{held.column.key}" for held in clocks.HELD}
    ends = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("ends_at") and table.name not in ("sign_in", "token", "encoding")
    }
    assert known == ends
