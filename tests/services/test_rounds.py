import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import store
from app.db import reading, transaction
from app.models import Encoding, Item, Label, Project, QueueRow, Round, User
from app.services import (
    check,
    encoding_data,
    encodings,
    labels,
    progress,
    round_arrays,
    round_data,
    rounds,
    skips,
    sweep,
)
from tests.conftest import NOW, MakeProject, add_items
from tests.services.test_labels import HAM, SPAM, skip, submit, undo
from tests.services.test_queue import claim
from workers import tasks

TEXTS = [f"{word} {number}" for number in range(20) for word in ("buy cheap pills", "lunch with grandmother")]


@pytest.fixture
def learning(make_project: MakeProject) -> Project:
    """A project whose items are encoded by the first rung."""
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}, "retrain_every": 4})
    tasks.run_encoding(project.id)
    return project


def answer(project: Project, user: User, n: int) -> None:
    for one in claim(project, user, n, now=datetime.now(UTC)).items:
        submit(project, one.item_id, user, SPAM if "pills" in one.content["text"] else HAM, now=datetime.now(UTC))


def due(project: Project, now: datetime | None = None) -> str | None:
    with reading() as db:
        found = rounds.due(db, now or datetime.now(UTC), project.id)
    return found[0].reason if found else None


def latest() -> Round:
    with reading() as db:
        return db.scalars(select(Round).order_by(Round.number.desc()).limit(1)).one()


def test_it_works(learning: Project, bob: User) -> None:
    assert due(learning) == "no round yet"
    tasks.run_round(learning.id)
    first = latest()
    assert (first.number, first.state, first.strategy, first.queue_size) == (1, "published", "maxherding", 40)
    answer(learning, bob, 8)
    assert due(learning) == "8 new labels"
    tasks.run_round(learning.id)
    second = latest()
    assert (second.number, second.strategy, second.labels_used) == (2, "uherding", 8)
    assert due(learning) is None
    with reading() as db:
        assert db.scalars(select(Label).where(Label.learned_round_id.is_(None))).all() == []
        queue = progress.queue_rows(db, db.get_one(Project, learning.id), 100)
        assert len(queue) == 32
        assert queue[0]["suggestion"]["answer"]["class"] in ("spam", "ham")
        assert check.check(db, datetime.now(UTC)) == []


def test_the_queue_is_asked_in_its_order(learning: Project, bob: User) -> None:
    tasks.run_round(learning.id)
    with reading() as db:
        wanted = [row["item"]["id"] for row in progress.queue_rows(db, db.get_one(Project, learning.id), 5)]
    assert [one.item_id for one in claim(learning, bob, 5).items] == wanted


def test_a_second_message_finds_nothing_to_do(learning: Project) -> None:
    tasks.run_round(learning.id)
    tasks.run_round(learning.id)
    assert latest().number == 1


def test_two_workers_never_hold_a_project_at_once(learning: Project) -> None:
    with transaction() as db:
        assert rounds.open_round(db, learning.id, "one", NOW) is not None
    with transaction() as db:
        assert rounds.open_round(db, learning.id, "two", NOW) is None


def test_a_dead_workers_round_is_taken_over_and_its_result_refused(learning: Project) -> None:
    with transaction() as db:
        lost = rounds.open_round(db, learning.id, "dead", NOW)
    assert lost is not None
    later = NOW + timedelta(seconds=60)
    with transaction() as db:
        taken = rounds.open_round(db, learning.id, "alive", later)
    assert taken is not None
    assert taken.number == 2
    with pytest.raises(rounds.LeaseLostError), transaction() as db:
        rounds.beat(db, lost, later)
    with reading() as db:
        assert db.get_one(Round, lost.round_id).state == "failed"


def test_a_restarted_worker_ends_what_its_dead_predecessor_held(learning: Project) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with transaction() as db:
        rounds.open_round(db, learning.id, f"{socket.gethostname()}:{gone.pid}:x", datetime.now(UTC))
    tasks.run_round(learning.id)
    assert latest().state == "open"
    tasks.recover()
    tasks.run_round(learning.id)
    assert (latest().number, latest().state) == (2, "published")


def test_a_restarted_worker_leaves_the_living_and_other_machines_alone(learning: Project) -> None:
    for owner in (f"{socket.gethostname()}:{os.getpid()}:x", "elsewhere:1:x"):
        with transaction() as db:
            now = datetime.now(UTC) + timedelta(minutes=latest_number())
            assert rounds.open_round(db, learning.id, owner, now) is not None
        tasks.recover()
        assert latest().lease_ends_at is not None
        assert latest().lease_ends_at > latest().opened_at


def latest_number() -> int:
    with reading() as db:
        return len(db.scalars(select(Round.id)).all())


def test_a_lone_label_is_learned_after_a_moment(learning: Project, bob: User) -> None:
    tasks.run_round(learning.id)
    one = claim(learning, bob).items[0]
    submit(learning, one.item_id, bob, now=NOW)
    assert due(learning, NOW + timedelta(seconds=0.5)) is None
    assert due(learning, NOW + timedelta(seconds=1)) == "a label waits"


def test_an_undone_label_is_unlearned(learning: Project, bob: User) -> None:
    tasks.run_round(learning.id)
    answer(learning, bob, 8)
    tasks.run_round(learning.id)
    with reading() as db:
        label = labels.recent(db, db.get_one(Project, learning.id), bob.id, 1)[0][0]
    undo(bob, label.id)
    assert due(learning, datetime.now(UTC) + timedelta(seconds=5)) == "a label waits"
    tasks.run_round(learning.id)
    assert latest().labels_used in (7, 8)


def test_a_label_that_came_while_the_round_ran_waits_for_the_next(learning: Project, bob: User) -> None:
    tasks.run_round(learning.id)
    answer(learning, bob, 8)
    now = datetime.now(UTC)
    with transaction() as db:
        opened = rounds.open_round(db, learning.id, "me", now)
    assert opened is not None
    with reading() as db:
        known = round_data.read(db, opened.round_id, lambda _: None)
    answer(learning, bob, 1)
    from app.core.round import run

    output = run(known.given)
    checkpoint = round_arrays.save(opened.project_id, opened.round_id, output)
    with transaction() as db:
        rounds.publish(db, opened, output, known, datetime.now(UTC), checkpoint)
    with reading() as db:
        fresh = db.scalars(select(Label).where(Label.learned_round_id.is_(None))).all()
        assert len(fresh) == 1


def test_a_round_that_fails_is_recorded_and_tried_again_later(
    learning: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = store.shards(store.features_folder(learning.id, _encoding(learning).fingerprint))
    kept = shards[0][2].read_bytes()
    shards[0][2].write_bytes(b"torn")
    tasks.run_round(learning.id)
    failed = latest()
    assert failed.state == "failed"
    assert failed.error
    shards[0][2].write_bytes(kept)
    assert due(learning) is None
    assert due(learning, datetime.now(UTC) + timedelta(seconds=31)) == "no round yet"


def test_asking_makes_a_round_due_at_once(learning: Project) -> None:
    tasks.run_round(learning.id)
    with transaction() as db:
        rounds.ask(db, db.get_one(Project, learning.id), NOW)
    assert due(learning) == "asked for"


def test_a_used_up_queue_falls_back_to_the_audit_order(learning: Project, bob: User) -> None:
    tasks.run_round(learning.id)
    with transaction() as db:
        for row in db.scalars(select(QueueRow)):
            db.delete(row)
    found = claim(learning, bob, 2)
    assert [one.chosen_by for one in found.items] == ["fallback", "fallback"]
    assert [one.content["text"] for one in found.items] == TEXTS[:2]


def test_the_audit_set_ends_at_the_first_unanswered_key(learning: Project, bob: User) -> None:
    with reading() as db:
        items = list(db.scalars(select(Item).order_by(Item.key)))
    for item in [items[0], items[1], items[3]]:
        submit(learning, item.id, bob)
    with reading() as db:
        audit = round_data.audit_set(db, learning.id)
    assert (list(audit.rows), audit.frontier, audit.skipped) == ([0, 1], items[2].key, 0)


def test_a_round_is_told_which_rows_were_drawn_and_in_what_order(learning: Project, alice: User, bob: User) -> None:
    """Item 1 is asked at random, item 0 after it in place of a queue, item 2 by a queue; item 3 by both."""
    with reading() as db:
        items = list(db.scalars(select(Item).order_by(Item.row)))
    with transaction() as db:
        db.get_one(Item, items[3].id).slots = 2
    said = [(1, bob, "random"), (0, bob, "fallback"), (2, bob, "queue"), (3, bob, "random"), (3, alice, "queue")]
    for minute, (row, person, chosen_by) in enumerate(said):
        label, _ = submit(learning, items[row].id, person, now=NOW + timedelta(minutes=minute))
        with transaction() as db:
            db.get_one(Label, label.id).chosen_by = chosen_by
    with transaction() as db:
        opened = rounds.open_round(db, learning.id, "me", NOW + timedelta(hours=1))
    assert opened is not None
    with reading() as db:
        assert round_data.read(db, opened.round_id, lambda _: None).given.drawn_rows.tolist() == [1, 0]


def test_skipped_items_are_passed_and_counted(learning: Project, bob: User) -> None:
    with reading() as db:
        items = list(db.scalars(select(Item).order_by(Item.key)))
    submit(learning, items[0].id, bob)
    skip(learning, items[1].id, bob, "broken")
    skip(learning, items[2].id, bob, "out of scope")
    submit(learning, items[3].id, bob)
    with reading() as db:
        audit = round_data.audit_set(db, learning.id)
    assert (list(audit.rows), audit.skipped, audit.out_of_scope, audit.broken) == ([0, 3], 2, 1, 1)


def test_the_model_learns_from_what_nobody_answers_that_it_does_not_belong(
    learning: Project, alice: User, bob: User
) -> None:
    with reading() as db:
        items = list(db.scalars(select(Item).order_by(Item.row)))
    for row, reason in ((0, "broken"), (1, "out of scope"), (2, "unclear"), (3, "out of scope")):
        skip(learning, items[row].id, bob, reason)
    submit(learning, items[3].id, alice)  # who knows better
    with transaction() as db:
        opened = rounds.open_round(db, learning.id, "me", NOW + timedelta(hours=1))
    assert opened is not None
    with reading() as db:
        assert round_data.read(db, opened.round_id, lambda _: None).given.foreign_rows.tolist() == [0, 1]
        told = skips.reasons(db, db.get_one(Project, learning.id))
    assert told == [
        {"reason": "out of scope", "skips": 2, "items": 2, "is_foreign": True},
        {"reason": "broken", "skips": 1, "items": 1, "is_foreign": True},
        {"reason": "unclear", "skips": 1, "items": 1, "is_foreign": False},
    ]


def test_imported_labels_never_feed_an_estimate(learning: Project, alice: User, bob: User) -> None:
    with reading() as db:
        items = list(db.scalars(select(Item).order_by(Item.key)))
    for item in items[:3]:
        submit(learning, item.id, bob)
    with transaction() as db:
        label = db.scalar(select(Label).where(Label.item_id == items[1].id))
        assert label is not None
        label.chosen_by = "import"
    with reading() as db:
        audit = round_data.audit_set(db, learning.id)
    assert (list(audit.rows), audit.frontier, audit.skipped) == ([0, 2], items[3].key, 0)


def test_a_large_upload_is_encoded_quickly_first(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "LAG", 10)
    project = make_project(TEXTS[:4])
    for _ in range(3):
        tasks.run_encoding(project.id)
    with transaction() as db:
        add_items(db, db.get_one(Project, project.id), TEXTS[4:])
    monkeypatch.setattr(encoding_data, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(encoding_data, "BATCH", 18)
    used = []
    for _ in range(4):
        with reading() as db:
            state = progress.encoding_state(db, db.get_one(Project, project.id))
            used.append(next((one["encoder"], one["rows_done"]) for one in state if one["in_use"]))
        tasks.run_encoding(project.id)
    assert used == [("minilm", 4), ("hashed_ngrams", 22), ("hashed_ngrams", 40), ("hashed_ngrams", 40)]


def _encoding(project: Project) -> Encoding:
    with reading() as db:
        return db.scalars(select(Encoding).where(Encoding.project_id == project.id)).one()


def test_encoding_goes_on_where_it_stopped(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding_data, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(encoding_data, "BATCH", 10)
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    done = []
    for _ in range(5):
        tasks.run_encoding(project.id)
        done.append(_encoding(project).rows_done)
    assert done == [10, 20, 30, 40, 40]
    shards = store.shards(store.features_folder(project.id, _encoding(project).fingerprint))
    assert [(start, end) for start, end, _ in shards] == [(0, 40)]


def test_a_killed_encoders_slice_is_found_on_disk(make_project: MakeProject) -> None:
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    tasks.run_encoding(project.id)
    with transaction() as db:
        one = db.scalars(select(Encoding)).one()
        one.rows_done, one.owner, one.lease_ends_at = 0, "dead", NOW - timedelta(seconds=1)
    with transaction() as db:
        taken = encodings.open_slice(db, project.id, "me", NOW)
    assert taken is not None
    assert taken.start == 40


def test_new_items_are_encoded_and_reach_the_queue(learning: Project, sent: list[Any]) -> None:
    tasks.run_round(learning.id)
    with transaction() as db:
        add_items(db, db.get_one(Project, learning.id), ["something new"])
    with reading() as db:
        assert ("run_encoding", learning.id) in sweep.wanted(db, datetime.now(UTC))
    tasks.run_encoding(learning.id)
    assert due(learning) == "more items are encoded"
    tasks.run_round(learning.id)
    assert latest().queue_size == 41


def test_the_better_encoder_takes_over_when_it_is_whole(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding_data, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(encoding_data, "BATCH", 20)
    project = make_project(TEXTS)
    used = []
    for _ in range(4):
        tasks.run_encoding(project.id)
        with reading() as db:
            state = progress.encoding_state(db, db.get_one(Project, project.id))
            used.append(next(one["encoder"] for one in state if one["in_use"]))
    assert used == ["hashed_ngrams", "hashed_ngrams", "hashed_ngrams", "minilm"]
    tasks.run_round(project.id)
    assert latest().encoder == "minilm"


def test_the_sweep_asks_for_what_is_due_and_heals_leases(learning: Project, bob: User, sent: list[Any]) -> None:
    claim(learning, bob)
    sent.clear()
    with transaction() as db:
        from app.models import Lease

        db.scalars(select(Lease)).one().ends_at = NOW
    tasks.sweep()
    assert ("run_round", (learning.id,)) in sent
    with reading() as db:
        assert db.scalars(select(Item.slots)).all() == [1] * 40
