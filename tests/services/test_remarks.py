"""Beside the answer: remarks, honest times and hidden suggestions are kept in the label's record."""

import random
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update

from app.core.reasons import Reason
from app.db import reading, transaction
from app.models import Label, Lease, Project, QueueRow, User
from app.services import labels, users
from app.services.labels import Remark
from tests.conftest import NOW, MakeProject
from tests.services.test_queue import claim, publish

SUGGESTED = {"answer": {"class": "spam"}, "confidence": 0.7}


class Coin(random.Random):
    """Falls as told, in turn."""

    def __init__(self, *falls: float) -> None:
        super().__init__(0)
        self.falls = list(falls)

    def random(self) -> float:
        return self.falls.pop(0)


def suggesting(make_project: MakeProject, **recipe: Any) -> Project:
    project = make_project(["One", "Two", "Three"], recipe=recipe)
    publish(project, [0, 1, 2])
    with transaction() as db:
        db.execute(update(QueueRow).values(suggestion=SUGGESTED))
    return project


def label_all(project: Project, user: User) -> dict[str, bool]:
    """Answer what this person holds; which items' suggestion had been hidden."""
    with transaction() as db:
        for item_id in db.scalars(select(Lease.item_id).where(Lease.ended_at.is_(None))).all():
            labels.submit(db, project, item_id, users.caller(user), uuid4(), {"class": "ham"}, 1.0, NOW)
    with reading() as db:
        found = db.scalars(select(Label).order_by(Label.item_id)).all()
        return {str(one.item_id): one.suggestion_hidden for one in found}


def test_a_share_of_suggestions_is_hidden_by_a_coin_and_the_label_remembers(
    make_project: MakeProject, bob: User
) -> None:
    project = suggesting(make_project, hidden_share=0.4, random_share=0.0)
    claims = claim(project, bob, 3, Coin(0.9, 0.9, 0.9, 0.3, 0.5, 0.39))  # three choose the queue, three hide or not
    assert [one.suggestion for one in claims.items] == [None, SUGGESTED, None]
    again = claim(project, bob, 3, Coin())
    assert [one.suggestion for one in again.items] == [None, SUGGESTED, None]
    assert list(label_all(project, bob).values()) == [True, False, True]


def test_where_the_lead_shows_none_all_are_hidden(make_project: MakeProject, bob: User) -> None:
    project = suggesting(make_project, show_suggestions=False)
    assert [one.suggestion for one in claim(project, bob, 2, random.Random(1)).items] == [None, None]
    assert all(label_all(project, bob).values())


def test_a_reason_names_no_class_where_the_suggestion_is_hidden(make_project: MakeProject, bob: User) -> None:
    project = suggesting(make_project, hidden_share=0.5, random_share=0.0)
    why = Reason("hesitates", ("spam", "ham"))
    with transaction() as db:
        db.execute(update(QueueRow).where(QueueRow.rank > 0).values(reason=str(why), why=why.parts()))
    claims = claim(project, bob, 3, Coin(0.9, 0.9, 0.9, 0.3, 0.3, 0.9)).items  # two are hidden
    assert [(one.reason, one.why) for one in claims] == [
        ("Next in the queue", {"kind": "queue", "classes": []}),  # said in words of its own, which may name one
        ("Model hesitates", {"kind": "hesitates", "classes": []}),
        ("Model hesitates between spam and ham", {"kind": "hesitates", "classes": ["spam", "ham"]}),
    ]
    again = claim(project, bob, 3, Coin()).items
    assert [(one.reason, one.why) for one in again] == [(one.reason, one.why) for one in claims]


def test_what_was_chosen_before_reasons_had_parts_is_still_told(make_project: MakeProject, bob: User) -> None:
    project = suggesting(make_project, random_share=0.5)
    drawn, asked = claim(project, bob, 2, Coin(0.1, 0.9)).items
    assert (drawn.why, drawn.reason) == ({"kind": "random", "classes": []}, str(Reason("random")))
    assert (asked.why, asked.reason) == (None, "Because")
    with transaction() as db:  # a newer version's kind, while two versions run
        db.execute(update(Lease).values(why={"kind": "of_tomorrow", "classes": []}))
    assert claim(project, bob, 2, Coin()).items[1].why is None


def test_where_nothing_was_suggested_nothing_was_hidden(make_project: MakeProject, bob: User) -> None:
    project = make_project(["One"], recipe={"hidden_share": 1.0})
    claim(project, bob)
    assert not any(label_all(project, bob).values())


def test_an_undone_answer_keeps_its_suggestion_hidden(make_project: MakeProject, bob: User) -> None:
    project = suggesting(make_project, hidden_share=1.0, random_share=0.0)
    item = claim(project, bob, 1, random.Random(1)).items[0].item_id
    with transaction() as db:
        given = labels.submit(db, project, item, users.caller(bob), uuid4(), {"class": "ham"}, 1.0, NOW)[0]
        label_id = given.id
    with transaction() as db:
        _, back = labels.undo(db, users.caller(bob), label_id, NOW)
        assert back is not None
        assert back.suggestion is None


def test_a_remark_is_kept_with_an_answer_and_with_a_skip(make_project: MakeProject, bob: User) -> None:
    project = make_project(["One", "Two"])
    held = claim(project, bob, 2).items
    remark = Remark(12.5, unsure=True, comment=" odd\x00 one ")
    with transaction() as db:
        labels.submit(
            db, project, held[0].item_id, users.caller(bob), uuid4(), {"class": "ham"}, 2.5, NOW, remark=remark
        )
        labels.skip(db, project, held[1].item_id, users.caller(bob), "broken", NOW, uuid4(), 3.5, remark)
    with reading() as db:
        found = db.scalars(select(Label).order_by(Label.item_id)).all()
        told = [(one.seconds, one.raw_seconds, one.unsure, one.comment) for one in found]
    assert told == [(2.5, 12.5, True, "odd one"), (3.5, 12.5, True, "odd one")]
