"""What changes many rows locks them in one order: two at the same moment wait for each other once, not in a circle.

Whether the first is held up exactly while the second waits is asked of PostgreSQL; SQLite has one writer.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import event, select, text, update

from app import db as databases
from app.db import Database, reading, transaction
from app.models import LOCK, Item, Label, Lease, Project, User
from app.services import check, deleting, forgetting, labels, leases, users
from tests.conftest import NOW, MakeProject

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def project(make_project: MakeProject, bob: User) -> Project:
    """Bob has answered one item and holds the other."""
    made = make_project(["one", "two"])
    with transaction() as db:
        first, second = db.scalars(select(Item.id).order_by(Item.row))
        labels.submit(db, made, first, users.caller(bob), uuid4(), {"class": "spam"}, None, NOW, True)
        held = {"created_at": NOW, "ends_at": leases.end_of(datetime.now(UTC)), "chosen_by": "queue"}
        db.add(Lease(project_id=made.id, item_id=second, user_id=bob.id, **held))
        db.execute(update(Item).where(Item.id == second).values(slots=0))
    return made


def delete(project: Project) -> None:
    with transaction() as db:
        deleting.delete_project(db, db.get_one(Project, project.id))


def publish(project: Project) -> None:
    """The locks of a round that is published, in its order."""
    with transaction() as db:
        db.get(Project, project.id, with_for_update=LOCK)
        db.execute(update(Label).where(Label.project_id == project.id).values(learned_round_id=1))


def at_once(first: Callable[[], object], until: str, second: Callable[[], object]) -> list[BaseException]:
    """Begin the first, stop it before a statement that begins so, go on when the second waits; what they raised."""
    raised: list[BaseException] = []
    is_there, is_over = threading.Event(), threading.Event()

    def stop(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(until) and threading.current_thread().name == "first" and not is_there.is_set():
            is_there.set()
            _wait_for_a_waiting_one(is_over)

    def work(what: Callable[[], object]) -> None:
        try:
            what()
        except BaseException as error:
            raised.append(error)

    engine = databases.database().writing
    event.listen(engine, "before_cursor_execute", stop)
    one = threading.Thread(target=work, args=(first,), name="first")
    one.start()
    assert is_there.wait(20)
    work(second)
    is_over.set()
    one.join()
    event.remove(engine, "before_cursor_execute", stop)
    return raised


def _wait_for_a_waiting_one(is_over: threading.Event) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ends = time.monotonic() + 20
    while time.monotonic() < ends and not is_over.wait(0.01):
        with reading() as db:
            if db.scalar(text(waiting)):
                return


@pytest.mark.parametrize("what", ["keep", "delete"])
def test_a_person_is_forgotten_while_a_project_is_deleted(
    project: Project, database: Database, bob: User, what: forgetting.Labels
) -> None:
    assert at_once(lambda: delete(project), "DELETE FROM label", lambda: forgetting.forget(bob.id, what, NOW)) == []
    with reading() as db:
        assert db.get(Project, project.id) is None
        assert db.get_one(User, bob.id).email == f"person-{bob.id}@forgotten.invalid"
    assert check.examine(datetime.now(UTC)) == []


def test_a_project_is_deleted_while_a_person_is_forgotten(project: Project, database: Database, bob: User) -> None:
    forget = lambda: forgetting.forget(bob.id, "delete", NOW)  # noqa: E731  # reads as the others
    assert at_once(forget, "DELETE FROM label", lambda: delete(project)) == []
    assert check.examine(datetime.now(UTC)) == []


@pytest.mark.parametrize("does", ["forget", "delete"])
def test_a_round_is_published_while_its_labels_go(project: Project, database: Database, bob: User, does: str) -> None:
    second = {"forget": lambda: forgetting.forget(bob.id, "delete", NOW), "delete": lambda: delete(project)}[does]
    assert at_once(lambda: publish(project), "UPDATE label", second) == []
    assert check.examine(datetime.now(UTC)) == []
