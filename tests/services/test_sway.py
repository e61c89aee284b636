"""How much suggestions sway people is told by the answers that a coin has told apart, and by no others."""

import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from app.core.evaluation.sway import AT_LEAST
from app.db import Database, reading, transaction
from app.models import Label, Project, QueueRow, Round, User
from app.services import labels, rounds, sway, users
from tests.conftest import NOW, MakeProject
from tests.services.test_plans import plans_of
from tests.services.test_queue import claim, publish
from tests.services.test_remarks import Coin
from workers import tasks

N = AT_LEAST
Chosen = Callable[[int, bool], str]  # the answer to the k-th item, by whether its suggestion was hidden


def suggest(project: Project, n: int) -> None:
    """A queue of n items; of every two the first is suggested to be spam."""
    publish(project, list(range(n)))
    with transaction() as db:
        for name, odd in (("spam", 0), ("ham", 1)):
            suggestion = {"answer": {"class": name}, "confidence": 0.7}
            db.execute(update(QueueRow).where(QueueRow.rank % 2 == odd).values(suggestion=suggestion))


def answer(project: Project, user: User, falls: list[float], chosen: Chosen, seconds: float = 4.0) -> None:
    """Answer as many items as the coin falls."""
    for k, fall in enumerate(falls):
        item = claim(project, user, 1, Coin(0.9, fall)).items[0]
        with transaction() as db:
            said = {"class": chosen(k, item.suggestion is None)}
            labels.submit(db, project, item.item_id, users.caller(user), uuid4(), said, seconds, NOW)


@pytest.fixture
def half(make_project: MakeProject) -> Project:
    """A project of 200 items that hides every other suggestion, on average."""
    project = make_project([f"text {k}" for k in range(200)], recipe={"hidden_share": 0.5, "random_share": 0.0})
    suggest(project, 200)
    return project


def told(project: Project) -> Any:
    with reading() as db:
        return sway.measured(db, project.id)


def change(project: Project, **recipe: Any) -> None:
    with transaction() as db:
        own = db.get_one(Project, project.id)
        own.recipe = {**own.recipe, **recipe}
        project.recipe = own.recipe


def suggested(k: int) -> str:
    return ("spam", "ham")[k % 2]


def test_shown_suggestions_are_followed_more_often(half: Project, bob: User) -> None:
    answer(half, bob, [0.2, 0.2, 0.9, 0.9] * N, lambda k, hidden: "spam" if hidden else suggested(k))
    found = told(half)
    assert found["n"] == 4 * N
    assert (found["all"]["shown"]["share"], found["all"]["hidden"]["share"]) == (1.0, 0.5)
    assert found["all"]["difference"]["estimate"] == pytest.approx(0.5)
    assert found["all"]["difference"]["low"] > 0.3
    # All of it is of ham: where spam is suggested, Bob says so either way.
    assert [(one["class"], one["difference"]["estimate"]) for one in found["classes"]] == [("ham", 1.0), ("spam", 0.0)]
    assert [(one["user_id"], one["shown"]["n"]) for one in found["people"]] == [(bob.id, 2 * N)]
    assert (found["few_classes"], found["few_people"]) == (0, 0)


def test_only_what_a_coin_has_decided_compares(half: Project, bob: User) -> None:
    answer(half, bob, [0.2, 0.9], lambda k, _: suggested(k))
    change(half, hidden_share=0.0)  # all are shown
    item = claim(half, bob, 1, Coin(0.9)).items[0]
    with transaction() as db:
        labels.submit(db, half, item.item_id, users.caller(bob), uuid4(), {"class": "spam"}, 1.0, NOW)
    assert told(half)["n"] == 2
    for recipe in ({"hidden_share": 1.0}, {"hidden_share": 0.5, "show_suggestions": False}):  # all are hidden
        change(half, **recipe)
        answer(half, bob, [0.2, 0.2], lambda *_: "spam")
    with transaction() as db:  # where nothing is suggested, nothing is hidden
        db.execute(update(QueueRow).values(suggestion=None))
    change(half, hidden_share=0.5, show_suggestions=True)
    answer(half, bob, [0.2, 0.9], lambda *_: "spam")
    assert told(half)["n"] == 2
    with reading() as db:
        kept = db.scalars(select(Label.hidden_share)).all()
    assert sorted(kept, key=str) == [0.5, 0.5, *[None] * 7]


def test_where_no_coin_was_ever_tossed_nothing_is_said(make_project: MakeProject, bob: User) -> None:
    project = make_project(["One", "Two"], recipe={"random_share": 0.0})
    suggest(project, 2)
    for item in claim(project, bob, 2, random.Random(1)).items:
        with transaction() as db:
            labels.submit(db, project, item.item_id, users.caller(bob), uuid4(), {"class": "spam"}, 1.0, NOW)
    assert told(project) is None
    with reading() as db:
        shown = sway.shown(db, db.get_one(Project, project.id))
    assert (shown["hidden_share"], shown["measured"]) == (0.0, None)


def test_of_few_answers_the_counts_are_told_and_no_difference(half: Project, alice: User, bob: User) -> None:
    answer(half, bob, [0.2, 0.9] * N, lambda k, _: suggested(k))
    answer(half, alice, [0.2, 0.9], lambda k, _: suggested(k))
    found = told(half)
    assert found["all"]["difference"] is not None
    assert [one["user_id"] for one in found["people"]] == [bob.id]
    assert found["few_people"] == 1
    few = [one["class"] for one in found["classes"]]
    assert len(few) + found["few_classes"] == 2


def test_what_was_taken_back_or_skipped_does_not_count_and_what_was_changed_counts_as_it_stands(
    half: Project, bob: User
) -> None:
    answer(half, bob, [0.2, 0.2, 0.9], lambda k, _: suggested(k))
    who = users.caller(bob)
    with reading() as db:
        first, second, third = db.scalars(select(Label).order_by(Label.item_id)).all()
    with transaction() as db:
        labels.undo(db, who, first.id, NOW)
        labels.submit(db, half, second.item_id, who, uuid4(), {"class": "spam"}, 1.0, NOW)  # ham had been suggested
        labels.skip(db, half, third.item_id, who, "broken", NOW)
    found = told(half)["all"]
    assert (found["hidden"]["n"], found["hidden"]["same"], found["shown"]["n"]) == (1, 0, 0)


def test_an_answer_of_a_class_that_is_gone_does_not_count(half: Project, bob: User) -> None:
    answer(half, bob, [0.2, 0.9], lambda k, _: suggested(k))
    with transaction() as db:
        own = db.get_one(Project, half.id)
        own.task = {**own.task, "classes": [{"name": "spam"}, {"name": "else"}]}
    assert told(half)["n"] == 1


def test_a_round_that_measures_keeps_it_and_the_lead_sees_names(half: Project, bob: User) -> None:
    answer(half, bob, [0.2, 0.2, 0.9, 0.9] * N, lambda k, hidden: "spam" if hidden else suggested(k))
    change(half, encoder={"name": "hashed_ngrams"})
    tasks.run_encoding(half.id)
    with transaction() as db:
        rounds.ask(db, db.get_one(Project, half.id), NOW)
    tasks.run_round(half.id)
    tasks.measure_round(half.id)
    with reading() as db:
        project = db.get_one(Project, half.id)
        last = db.scalars(select(Round).order_by(Round.number.desc()).limit(1)).one()
        assert last.measured_at is not None
        shown = sway.shown(db, project)
    assert (shown["hidden_share"], shown["round"], shown["at_least"]) == (0.5, last.number, N)
    assert shown["measured"]["people"][0]["name"] == bob.name
    assert shown["measured"]["all"]["difference"]["estimate"] == pytest.approx(0.5)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_answers_that_compare_are_found_without_the_others(
    half: Project, bob: User, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(half, bob, [0.2, 0.9, 0.9], lambda k, _: suggested(k))
    monkeypatch.setattr(sway, "NEWEST", 2)
    with plans_of("label") as plans:
        assert told(half)["n"] == 2
    steps = [step for _, step, _ in plans]
    assert any("ix_label_tossed" in step for step in steps)
    assert not any("TEMP B-TREE" in step or "SCAN" in step for step in steps)
