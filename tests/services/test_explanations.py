"""Explanations: for who holds the item and sees the suggestion, worked out once, by a worker."""

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app import store
from app.db import reading, transaction
from app.errors import Conflict, NotFound
from app.models import Explanation, Lease, Project, QueueRow, User
from app.services import explanations, sweep, users
from app.services.queue import Claim
from tests.conftest import NOW, MakeProject
from tests.services.test_exemplars import taught
from tests.services.test_labels import submit
from tests.services.test_queue import TAILS, claim
from workers import tasks


@pytest.fixture
def learned(make_project: MakeProject, bob: User) -> Project:
    return taught(make_project, bob)


def held(project: Project, user: User) -> Claim:
    return claim(project, user, 1, TAILS, now=datetime.now(UTC)).items[0]


def ask(user: User, lease_id: int) -> Explanation:
    with transaction() as db:
        return explanations.ask(db, users.caller(user), lease_id, datetime.now(UTC))


def look(user: User, lease_id: int) -> Explanation:
    with reading() as db:
        return explanations.look(db, users.caller(user), lease_id)


def test_it_is_asked_for_worked_out_and_kept(learned: Project, bob: User, sent: list[Any]) -> None:
    mine = held(learned, bob)
    assert mine.suggestion is not None
    with pytest.raises(NotFound):
        look(bob, mine.lease_id)
    asked = ask(bob, mine.lease_id)
    assert (asked.state, ("explain", (asked.id,)) in sent) == ("waiting", True)
    with reading() as db:
        assert ("explain", asked.id) in sweep.wanted(db, datetime.now(UTC))  # should the message be lost
    tasks.explain(asked.id)
    found = look(bob, mine.lease_id)
    assert found.state == "done"
    assert found.result is not None
    assert (found.result["method"], found.result["round"]) == ("exact", 1)
    assert found.result["classes"] == [mine.suggestion["answer"]["class"]]
    start, end, weight = found.result["words"][0]
    assert mine.content["text"][start:end] in ("buy", "cheap", "pills", "lunch", "with", "grandmother")
    assert weight > 0
    sent.clear()
    assert ask(bob, mine.lease_id).state == "done"
    assert not [job for job in sent if job[0] == "explain"]  # it is there already
    with reading() as db:
        assert ("explain", asked.id) not in sweep.wanted(db, datetime.now(UTC))
    with transaction() as db:
        explanations.forget_old(db, datetime.now(UTC) + timedelta(days=2))
        assert db.scalars(select(Explanation)).all() == []


def test_only_who_holds_the_item_may_ask(learned: Project, bob: User, alice: User, charlie: User) -> None:
    mine = held(learned, bob)
    for other in (alice, charlie):
        with pytest.raises(NotFound):
            ask(other, mine.lease_id)
    ask(bob, mine.lease_id)
    with pytest.raises(NotFound):
        look(alice, mine.lease_id)
    submit(learned, mine.item_id, bob, now=datetime.now(UTC))
    with pytest.raises(NotFound):
        look(bob, mine.lease_id)


def test_what_is_hidden_is_not_explained(learned: Project, bob: User) -> None:
    mine = held(learned, bob)
    ask(bob, mine.lease_id)  # somebody else, to whom it is shown, has asked before
    with transaction() as db:
        db.execute(update(Lease).where(Lease.id == mine.lease_id).values(suggestion_hidden=True))
    for call in (ask, look):
        with pytest.raises(Conflict, match="no suggestion"):
            call(bob, mine.lease_id)
    with transaction() as db:
        db.execute(update(Lease).where(Lease.id == mine.lease_id).values(suggestion_hidden=False))
        project = db.get_one(Project, learned.id)
        project.recipe = {**project.recipe, "show_suggestions": False}
    with pytest.raises(Conflict, match="no suggestion"):
        ask(bob, mine.lease_id)


def test_an_item_that_was_drawn_has_no_suggestion_to_explain(make_project: MakeProject, bob: User) -> None:
    with pytest.raises(Conflict, match="no suggestion"):
        ask(bob, held(make_project(["One"]), bob).lease_id)


def test_where_the_model_is_deleted_the_latest_one_says_it_and_without_any_it_fails(
    learned: Project, bob: User
) -> None:
    mine = held(learned, bob)
    with transaction() as db:
        before = db.get_one(Project, learned.id).queue_round_id
        db.get_one(Project, learned.id).round_asked_at = NOW
    tasks.run_round(learned.id)
    shutil.rmtree(store.round_folder(learned.id, before or 0))
    asked = ask(bob, mine.lease_id)
    tasks.explain(asked.id)
    found = look(bob, mine.lease_id)
    assert (found.state, (found.result or {})["round"]) == ("done", 2)
    shutil.rmtree(store.project_folder(learned.id) / "rounds")
    with transaction() as db:
        db.execute(update(Explanation).values(state="waiting"))
    tasks.explain(asked.id)
    assert look(bob, mine.lease_id).state == "failed"
    assert ask(bob, mine.lease_id).state == "waiting"  # another try
    with transaction() as db:
        assert db.scalars(select(QueueRow).limit(1)).one()
