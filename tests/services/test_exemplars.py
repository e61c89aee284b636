"""Exemplars: chosen by a round, pinned by a lead, and never one whose answer would be given away."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from app.db import reading, transaction
from app.errors import BadInput, Conflict, NotFound
from app.models import Item, Label, Lease, Project, RoundExemplars, User
from app.services import exemplars
from tests.conftest import NOW, MakeProject
from tests.services.test_labels import HAM, SPAM, submit, undo
from tests.services.test_queue import claim
from workers import tasks

TEXTS = [f"{word} {number}" for number in range(8) for word in ("buy cheap pills", "lunch with grandmother")]


def of_class(project: Project, user: User, name: str = "spam") -> dict[str, list[str]]:
    with reading() as db:
        found = exemplars.of_class(db, db.get_one(Project, project.id), user.id, name)
    return {kind: [one["content"]["text"] for one in found[kind]] for kind in ("pinned", "typical", "near")}


def pin(project: Project, item_id: int, name: str = "spam") -> None:
    with transaction() as db:
        exemplars.pin(db, db.get_one(Project, project.id), item_id, name, NOW)


def answer(project: Project, user: User, n: int) -> list[int]:
    held = claim(project, user, n, now=datetime.now(UTC)).items
    for one in held:
        submit(project, one.item_id, user, SPAM if "pills" in one.content["text"] else HAM, now=datetime.now(UTC))
    return [one.item_id for one in held]


def taught(make_project: MakeProject, user: User) -> Project:
    """Twelve of sixteen items are answered by one person, and learned."""
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    tasks.run_encoding(project.id)
    answer(project, user, 12)
    tasks.run_round(project.id)
    return project


@pytest.fixture
def learned(make_project: MakeProject, bob: User) -> Project:
    return taught(make_project, bob)


def test_a_round_keeps_the_exemplars_of_each_class_and_the_next_takes_their_place(learned: Project, bob: User) -> None:
    spam, ham = of_class(learned, bob), of_class(learned, bob, "ham")
    assert spam["typical"]
    assert all("pills" in text for text in spam["typical"] + spam["near"])
    assert all("lunch" in text for text in ham["typical"] + ham["near"])
    answer(learned, bob, 4)
    with transaction() as db:
        db.get_one(Project, learned.id).round_asked_at = NOW
    tasks.run_round(learned.id)
    with reading() as db:
        kept = db.scalars(select(RoundExemplars)).all()
        project = db.get_one(Project, learned.id)
        assert [one.round_id for one in kept] == [project.queue_round_id]
        told = exemplars.listed(db, project)
    assert told["round"] == 2
    assert [(one["class"], one["pinned"]) for one in told["classes"]] == [("spam", 0), ("ham", 0)]


def test_who_may_still_be_asked_does_not_see_the_answer(make_project: MakeProject, bob: User, alice: User) -> None:
    """Two answers are wanted of each item: Bob has given his, Alice may be asked for hers."""
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}, "votes_wanted": 2})
    tasks.run_encoding(project.id)
    mine = answer(project, bob, 10)
    both = [item for item in answer(project, alice, 16) if item in mine][:6]
    with transaction() as db:  # the rest of Alice's were never given
        for label in db.scalars(select(Label).where(Label.user_id == alice.id, Label.item_id.not_in(both))):
            db.delete(label)
            db.get_one(Item, label.item_id).slots += 1
    tasks.run_round(project.id)
    with reading() as db:
        chosen = db.scalars(select(RoundExemplars.chosen)).one()
        known = {item for one in chosen.values() for item in one["typical"] + one["near"]}
    assert known
    assert known <= set(both)
    first = next(iter(mine_only for mine_only in mine if mine_only not in both))
    pin(project, first)
    assert of_class(project, bob)["pinned"]
    assert not of_class(project, alice)["pinned"]


def test_an_item_that_comes_back_is_hidden_until_it_is_answered(learned: Project, bob: User, alice: User) -> None:
    text = of_class(learned, alice)["typical"][0]
    with reading() as db:
        label = db.scalars(select(Label).join(Item, Item.id == Label.item_id).where(Label.ended_at.is_(None))).all()
        mine = next(one for one in label if db.get_one(Item, one.item_id).content["text"] == text)
    undo(bob, mine.id)
    assert text not in of_class(learned, alice)["typical"]  # in Bob's hands: it may come to Alice
    assert text not in of_class(learned, bob)["typical"]
    submit(learned, mine.item_id, bob, HAM, now=datetime.now(UTC))
    assert text not in of_class(learned, alice)["typical"]  # it is said to be something else by now


def test_pins_come_first_once_and_as_long_as_they_are_wanted(learned: Project, bob: User, alice: User) -> None:
    chosen = of_class(learned, bob)
    with reading() as db:
        text = chosen["typical"][-1]
        item = next(one for one in db.scalars(select(Item)) if one.content["text"] == text)
    pin(learned, item.id)
    pin(learned, item.id)
    now = of_class(learned, bob)
    assert now["pinned"] == [text]
    assert now["typical"] == chosen["typical"][:-1]
    with transaction() as db:
        exemplars.unpin(db, db.get_one(Project, learned.id), item.id, "spam")
    assert of_class(learned, bob) == chosen


def test_a_pin_needs_a_class_an_item_of_the_project_and_a_place(
    learned: Project, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = make_project(["Another"])
    with reading() as db:
        theirs = db.scalars(select(Item.id).where(Item.project_id == elsewhere.id)).one()
        first, second = db.scalars(select(Item.id).where(Item.project_id == learned.id).limit(2)).all()
    with pytest.raises(BadInput):
        pin(learned, first, "eggs")
    with pytest.raises(NotFound):
        pin(learned, theirs)
    monkeypatch.setattr(exemplars, "MOST_PINS", 1)
    pin(learned, first)
    with pytest.raises(Conflict):
        pin(learned, second)


def test_spans_show_where_the_class_is(make_project: MakeProject, bob: User) -> None:
    task: dict[str, Any] = {"kind": "spans", "classes": [{"name": "who"}, {"name": "where"}]}
    project = make_project(
        [f"Ann{n} in Rome" for n in range(6)], task=task, recipe={"encoder": {"name": "hashed_words"}}
    )
    tasks.run_encoding(project.id)
    who, where = {"start": 0, "end": 4, "class": "who"}, {"start": 8, "end": 12, "class": "where"}
    for one in claim(project, bob, 6, now=datetime.now(UTC)).items:
        submit(project, one.item_id, bob, {"spans": [who, where]}, now=datetime.now(UTC))
    tasks.run_round(project.id)
    with reading() as db:
        found = exemplars.of_class(db, db.get_one(Project, project.id), bob.id, "where")
    assert found["typical"]
    assert all(one["marks"] == [[8, 12]] for one in found["typical"])
    with transaction() as db:  # in somebody's hands again
        db.execute(update(Item).values(slots=1))
        db.execute(update(Lease).values(ended_at=None))
        db.execute(update(Label).values(ended_at=NOW, ended_by="undone"))
    with reading() as db:
        assert not exemplars.of_class(db, db.get_one(Project, project.id), bob.id, "where")["typical"]
