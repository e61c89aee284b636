"""How the labels came reaches the record right: the order and the probability of every pick, and what is fresh."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from app.core.round import RoundInput
from app.db import reading, transaction
from app.models import Label, Project, Round, User
from app.services import round_data, rounds
from tests.conftest import NOW, MakeProject
from tests.services.test_labels import HAM, SPAM, skip, submit, undo
from tests.services.test_queue import HEADS, TAILS, claim, publish
from workers import tasks

TEXTS = [f"{word} {number}" for number in range(5) for word in ("pills", "lunch")]


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    made = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}, "random_share": 0.2})
    tasks.run_encoding(made.id)
    return made


def given(project: Project) -> RoundInput:
    """What a round that opens now is given."""
    with transaction() as db:
        rounds.ask(db, db.get_one(Project, project.id), NOW + timedelta(hours=1))
        opened = rounds.open_round(db, project.id, str(uuid4()), NOW + timedelta(hours=1))
    assert opened is not None
    with reading() as db:
        found = round_data.read(db, opened.round_id, lambda _: None).given
    with transaction() as db:
        db.delete(db.get_one(Round, opened.round_id))
    return found


def ask(project: Project, user: User, minute: int, coin: Any = TAILS, answer: Any = SPAM) -> Label:
    """One item asked and answered in this minute."""
    now = NOW + timedelta(minutes=minute)
    item = claim(project, user, coin=coin, now=now).items[0]
    return submit(project, item.item_id, user, answer, now=now)[0]


def test_picks_come_in_the_order_of_their_answers_with_the_probability_of_each(project: Project, bob: User) -> None:
    """Rows 7 and 3 of a strategy that draws, row 0 by its key, and 5 of a strategy that does not draw."""
    publish(project, [7, 3, 5], propensities=[0.5, 0.25, None])
    for minute, coin in enumerate((TAILS, HEADS, TAILS, TAILS)):
        ask(project, bob, minute, coin)
    history = given(project).history
    assert history is not None
    assert history.picked_rows.tolist() == [7, 0, 3, 5]
    assert history.picked_with is not None
    assert history.picked_with[[0, 2]].tolist() == [0.5, 0.25]
    # The queue's next item: nine tenths surely, and as any of the round's 100 items by the random share of a fifth.
    assert history.picked_with[3] == pytest.approx(0.8 + 0.2 / 100)
    assert 0 < history.picked_with[1] < 1
    assert history.queued_rows.tolist() == [7, 3, 5]
    assert history.drawn_rows.tolist() == [0]


def test_an_answer_that_comes_later_stands_later_though_its_item_was_asked_first(project: Project, bob: User) -> None:
    publish(project, [7, 3], propensities=[0.5, 0.25])
    first, second = claim(project, bob, 2).items
    for minute, one in enumerate((second, first)):
        submit(project, one.item_id, bob, now=NOW + timedelta(minutes=minute))
    history = given(project).history
    assert history is not None
    assert history.picked_rows.tolist() == [3, 7]
    assert history.picked_with is not None
    assert history.picked_with.tolist() == [0.25, 0.5]
    assert history.queued_rows.tolist() == [3, 7]


def test_a_pick_counts_once_a_skip_counts_and_what_was_undone_does_not(project: Project, bob: User) -> None:
    publish(project, [7, 3, 5], propensities=[0.5, 0.25, 0.125])
    label = ask(project, bob, 0)
    submit(project, label.item_id, bob, HAM, now=NOW + timedelta(minutes=1))  # changes their mind
    skip(project, claim(project, bob).items[0].item_id, bob)
    undo(bob, ask(project, bob, 3).id)
    history = given(project).history
    assert history is not None
    assert sorted(history.picked_rows.tolist()) == [3, 7]
    assert history.picked_with is not None
    assert sorted(history.picked_with.tolist()) == [0.25, 0.5]
    assert history.queued_rows.tolist() == [7]  # a skip teaches no model


def test_one_pick_of_unknown_probability_leaves_none_to_weigh_by(project: Project, bob: User) -> None:
    publish(project, [7, 3], propensities=[0.5, 0.25])
    ask(project, bob, 0)
    unknown = ask(project, bob, 1)
    with transaction() as db:
        db.get_one(Label, unknown.id).inclusion_probability = None
    history = given(project).history
    assert history is not None
    assert history.picked_rows.tolist() == [7, 3]
    assert history.picked_with is None


def test_fresh_rows_are_those_drawn_at_random_whose_answer_no_round_has_seen(project: Project, bob: User) -> None:
    publish(project, [7, 3], propensities=[0.5, 0.25])
    ask(project, bob, 0, HEADS)
    ask(project, bob, 1)
    assert given(project).fresh_rows.tolist() == [0]
    learn(project)
    assert given(project).fresh_rows.tolist() == []
    ask(project, bob, 3, HEADS)
    found = given(project)
    assert found.fresh_rows.tolist() == [1]
    assert found.drawn_rows.tolist() == [0, 1]


def test_the_record_and_the_curve_hold_what_a_round_found(project: Project, bob: User) -> None:
    """A label drawn at random is judged by the model before it, and the verdict of a measured round is handed on."""
    publish(project, [7, 4], propensities=[0.5, 0.25])
    for minute, (coin, answer) in enumerate(((HEADS, SPAM), (TAILS, HAM), (TAILS, SPAM))):
        ask(project, bob, minute, coin, answer)
    learn(project)
    ask(project, bob, 5, HEADS, HAM)  # row 1
    made = learn(project)
    assert made.metrics is not None
    assert made.metrics["prequential"]["n"] == 1
    known = np.array([0, 4, 7, 1])
    assert sorted(row for row, *_ in given(project).answers) == sorted(known.tolist())
    verdict = {"verdict": "worse", "difference": -0.1, "low": -0.2, "high": -0.01, "n": 40, "labels": 36}
    with transaction() as db:
        found = db.get_one(Round, made.id)
        found.metrics = {**(found.metrics or {}), "verdict": verdict}
    read = given(project)
    assert read.verdict == "worse"
    assert read.history is not None
    assert read.history.verdict == verdict


def learn(project: Project) -> Round:
    """A round, run and published as a worker does it."""
    tasks.run_round(project.id)
    with reading() as db:
        made = db.get_one(Project, project.id).queue_round_id
        assert made is not None
        return db.get_one(Round, made)
