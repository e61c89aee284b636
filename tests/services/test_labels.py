import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from app.db import reading, transaction
from app.errors import BadInput, Conflict, NotFound
from app.models import Item, Label, Lease, Project, QueueRow, User
from app.services import check, labels, leases, queue, tally
from app.services.users import caller
from tests.conftest import NOW, MakeProject
from tests.services.test_queue import claim, publish, slots

SPAM, HAM = {"class": "spam"}, {"class": "ham"}


def submit(project: Project, item_id: int, user: User, answer: Any = SPAM, **more: Any) -> tuple[Label, bool]:
    wanted = {"label_id": uuid4(), "seconds": 1.5, "now": NOW, **more}
    with transaction() as db:
        return labels.submit(db, db.get_one(Project, project.id), item_id, caller(user), answer=answer, **wanted)


def skip(project: Project, item_id: int, user: User, reason: str = "unclear") -> Label:
    with transaction() as db:
        return labels.skip(db, db.get_one(Project, project.id), item_id, caller(user), reason, NOW)[0]


def undo(user: User, label_id: UUID) -> queue.Claim | None:
    with transaction() as db:
        return labels.undo(db, caller(user), label_id, NOW)[1]


def standing() -> list[Label]:
    with reading() as db:
        return list(db.scalars(select(Label).where(Label.ended_at.is_(None)).order_by(Label.created_at)))


def assert_invariants() -> None:
    with reading() as db:
        assert check.check(db, NOW) == []


def test_it_works(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b"])
    publish(project, [1, 0])
    item = claim(project, bob).items[0]
    label, is_new = submit(project, item.item_id, bob)
    assert is_new
    assert (label.answer, label.seconds, label.chosen_by, label.strategy) == (SPAM, 1.5, "queue", "margin")
    assert (label.round_number, label.rank, label.score, label.pool_size) == (1, 0, 1.0, 100)
    assert slots(project) == [1, 0]
    assert_invariants()


def test_the_same_id_twice_stores_one_label_and_gives_the_first_result(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    label_id = uuid4()
    first, _ = submit(project, item, bob, label_id=label_id)
    again, is_new = submit(project, item, bob, HAM, label_id=label_id)
    assert (is_new, again.answer, again.created_at) == (False, first.answer, first.created_at)
    assert len(standing()) == 1
    assert_invariants()


def test_an_id_of_another_label_is_refused(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a", "b"])
    first, second = [one.item_id for one in claim(project, bob, 2).items]
    label_id = submit(project, first, bob)[0].id
    with pytest.raises(Conflict):
        submit(project, second, bob, label_id=label_id)
    with pytest.raises(Conflict):
        submit(project, first, alice, label_id=label_id)


def test_a_later_answer_by_the_same_person_supersedes_the_earlier(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    submit(project, item, bob)
    submit(project, item, bob, HAM)
    assert [label.answer for label in standing()] == [HAM]
    assert slots(project) == [0]
    assert_invariants()


@pytest.mark.parametrize("answer", [None, {}, "spam", {"class": "x"}, {"class": 1}, {"class": "spam", "more": 1}, []])
def test_a_bad_answer_is_refused_and_changes_nothing(make_project: MakeProject, bob: User, answer: Any) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    with pytest.raises(BadInput):
        submit(project, item, bob, answer)
    assert standing() == []
    assert_invariants()


def test_a_late_answer_is_kept_with_how_it_was_chosen(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a"])
    publish(project, [0])
    item = claim(project, bob).items[0].item_id
    later = NOW + timedelta(seconds=500)
    with transaction() as db:
        leases.end_expired(db, later)
    claim(project, alice, now=later)
    submit(project, item, alice, now=later)
    label, _ = submit(project, item, bob, now=later)
    assert label.chosen_by == "queue"
    assert slots(project) == [-1]
    assert len(standing()) == 2
    assert_invariants()


def test_an_item_that_wants_no_more_answers_takes_none_out_of_turn(
    make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    submit(project, item, bob)
    with pytest.raises(Conflict):
        submit(project, item, alice)
    label, _ = submit(project, item, alice, may_review=True)
    assert label.chosen_by == "review"


def test_a_used_up_item_leaves_the_queue(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a", "b"], recipe={"votes_wanted": 2})
    publish(project, [0, 1])
    item = claim(project, bob).items[0].item_id
    submit(project, item, bob)
    with reading() as db:
        assert len(db.scalars(select(QueueRow)).all()) == 2
    claim(project, alice)
    submit(project, item, alice)
    with reading() as db:
        assert [row.item_id for row in db.scalars(select(QueueRow))] != [item]
        assert len(db.scalars(select(QueueRow)).all()) == 1


def test_a_skip_gives_the_item_to_others_and_not_to_the_same_person(
    make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    skip(project, item, bob)
    skip(project, item, bob)
    nothing = claim(project, bob)
    assert (nothing.items, nothing.empty_reason) == ([], "only_yours")
    assert len(claim(project, alice).items) == 1
    assert len(standing()) == 1
    assert_invariants()


def test_undo_brings_the_item_back_and_keeps_the_record(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b"])
    publish(project, [0])
    item = claim(project, bob).items[0].item_id
    label, _ = submit(project, item, bob)
    back = undo(bob, label.id)
    assert back is not None
    assert (back.item_id, back.chosen_by) == (item, "queue")
    assert [one.item_id for one in claim(project, bob).items] == [item]
    assert standing() == []
    with reading() as db:
        kept = db.scalars(select(Label)).one()
        assert (kept.ended_by, kept.answer) == ("undone", SPAM)
        assert not db.get_one(Item, item).is_settled
    assert_invariants()
    undo(bob, label.id)
    submit(project, item, bob, HAM)
    assert [one.answer for one in standing()] == [HAM]
    assert_invariants()


def test_undo_of_a_skip_brings_the_item_back(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    label = skip(project, item, bob)
    assert undo(bob, label.id) is not None
    assert slots(project) == [0]
    assert_invariants()


def test_nobody_undoes_somebody_elses_label(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a"])
    label, _ = submit(project, claim(project, bob).items[0].item_id, bob)
    with pytest.raises(NotFound):
        undo(alice, label.id)


def test_a_superseded_label_cannot_be_undone(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    first, _ = submit(project, item, bob)
    submit(project, item, bob, HAM)
    with pytest.raises(Conflict):
        undo(bob, first.id)


def test_a_round_is_nudged_when_enough_labels_have_come(make_project: MakeProject, bob: User, sent: list[Any]) -> None:
    project = make_project(["a", "b", "c"], recipe={"retrain_every": 2})
    sent.clear()
    for one in claim(project, bob, 3).items:
        submit(project, one.item_id, bob)
    assert sent == [("run_round", (project.id,))]


def test_a_refused_answer_sends_no_job(make_project: MakeProject, bob: User, sent: list[Any]) -> None:
    project = make_project(["a"], recipe={"retrain_every": 1})
    sent.clear()
    item = claim(project, bob).items[0].item_id
    with pytest.raises(BadInput):
        submit(project, item, bob, {"class": "x"})
    assert sent == []


def test_the_same_answer_sent_by_many_threads_at_once_is_one_label(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    item = claim(project, bob).items[0].item_id
    label_id = uuid4()
    new: list[bool] = []

    def send() -> None:
        new.append(submit(project, item, bob, label_id=label_id)[1])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 7 + [True]
    assert_invariants()


def test_recent_lists_ones_own_latest_first(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a", "b"])
    for number, one in enumerate(claim(project, bob, 2).items):
        submit(project, one.item_id, bob, now=NOW + timedelta(seconds=number))
    with reading() as db:
        found = labels.recent(db, db.get_one(Project, project.id), bob.id, 10)
        assert [item.content["text"] for _, item in found] == ["b", "a"]
        assert labels.recent(db, db.get_one(Project, project.id), alice.id, 10) == []


def test_leases_of_a_submitted_item_are_over(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    submit(project, claim(project, bob).items[0].item_id, bob)
    with reading() as db:
        assert db.scalars(select(Lease).where(Lease.ended_at.is_(None))).all() == []


def counts(project: Project) -> tally.Counts:
    with reading() as db:
        return tally.of_project(db, project.id)


def test_counts_follow_answers_skips_changes_and_undo(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a", "b"], recipe={"votes_wanted": 2})
    first, second = [one.item_id for one in claim(project, bob, 2).items]
    submit(project, first, bob)
    submit(project, first, bob, HAM)
    skip(project, second, bob)
    claim(project, alice, 2)
    submit(project, first, alice)
    assert counts(project) == tally.Counts(settled=2, labelled=1, answers=2, skips=1)
    with reading() as db:
        assert tally.of_person(db, project.id, bob.id).answers == 1
        assert tally.unsettled(db, db.get_one(Project, project.id)) == 1  # none is left, and nothing is divided by 0
        latest = labels.recent(db, db.get_one(Project, project.id), alice.id, 1)[0][0]
    undo(alice, latest.id)
    assert counts(project) == tally.Counts(settled=2, labelled=1, answers=1, skips=1)
    assert_invariants()


def test_two_people_who_answer_one_item_at_once_are_counted_as_one_item(
    make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project(["a"], recipe={"votes_wanted": 2})
    item = claim(project, bob).items[0].item_id
    claim(project, alice)
    threads = [threading.Thread(target=submit, args=(project, item, user)) for user in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(project) == tally.Counts(settled=1, labelled=1, answers=2, skips=0)
    assert_invariants()
