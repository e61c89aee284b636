"""Simulations of a project's own answers: what they replay, their bounds, slices, take-over, and stopping."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy import select, update

from app import store
from app.core import tasks as kinds
from app.db import reading, transaction
from app.errors import BadInput, Conflict
from app.models import Encoding, Item, Project, Simulation, SimulationRun, User
from app.services import deleting, projects, simulation_data, simulation_work, simulations, sweep
from tests.conftest import NOW, MakeProject
from tests.services.test_labels import HAM, SPAM, skip, submit, undo
from tests.services.test_queue import claim
from workers import tasks

TEXTS = [f"{word} {number}" for number in range(30) for word in ("buy cheap pills", "lunch with grandmother")]
WISH = {"seeds": 2, "labels": 20, "batch": 10}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """As in a worker: threads that wait for each other make a small fit ten times slower on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture
def known(make_project: MakeProject) -> Project:
    """60 items with hidden truth, encoded."""
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    with transaction() as db:
        for item in db.scalars(select(Item)):
            item.truth = SPAM if "pills" in item.content["text"] else HAM
    tasks.run_encoding(project.id)
    return project


def ask(project: Project, user: User, now: datetime | None = None, **wish: Any) -> int:
    with transaction() as db:
        own = db.get_one(Project, project.id)
        return simulations.create(db, own, user.id, {**WISH, **wish}, now or datetime.now(UTC)).id


def finish(project: Project) -> None:
    """Slice after slice, as the worker gets its messages."""
    while any(one.state == "open" for one in _all(project)):
        tasks.run_simulation(project.id)


def _all(project: Project) -> list[Simulation]:
    with reading() as db:
        return simulations.listed(db, db.get_one(Project, project.id))


def stored(simulation_id: int) -> Simulation:
    with reading() as db:
        return db.get_one(Simulation, simulation_id)


def kept(simulation_id: int) -> list[SimulationRun]:
    with reading() as db:
        query = select(SimulationRun).where(SimulationRun.simulation_id == simulation_id)
        return list(db.scalars(query.order_by(SimulationRun.number)))


def labelled(project: Project, as_of: datetime | None = None, most: int = 1000) -> simulation_data.Labelled:
    with reading() as db:
        task = kinds.load(project.task)
        return simulation_data.labelled(
            db, project.id, task, {"name": "majority"}, as_of or datetime.now(UTC), len(TEXTS), most
        )


def test_it_works(known: Project, alice: User, sent: list[Any]) -> None:
    made = ask(known, alice)
    assert ("run_simulation", (known.id,)) in sent
    finish(known)
    found = stored(made)
    assert (found.state, found.owner, found.lease_ends_at, found.error) == ("done", None, None, None)
    assert found.rounds_done == found.rounds_total == 2 * (1 + 2 * 3)
    assert found.result is not None
    assert found.result["replays"] == {"finished": 6, "wanted": 6}
    assert [one["strategy"] for one in found.result["standings"]] == ["auto", "random"]
    curve = found.result["standings"][0]["curve"]
    assert [labels for labels, _ in curve] == [0, 10, 20]
    assert curve[-1][1]["value"] > 0.9
    assert "labels by auto" in found.result["sentence"]
    assert found.plan["facts"] == {"items": 60, "out_of_scope": 0, "truth": 60, "merged": 0, "drawn": 0, "left_out": 0}


def test_equal_simulations_say_the_same(known: Project, alice: User) -> None:
    results = []
    for _ in range(2):
        made = ask(known, alice)
        finish(known)
        results.append([_timeless(one.result) for one in kept(made)])
    assert results[0] == results[1]


def _timeless(result: dict[str, Any]) -> Any:
    return [{name: value for name, value in point.items() if "seconds" not in name} for point in result["points"]]


def test_the_answers_of_that_moment_are_replayed_whatever_is_labelled_since(
    make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project(TEXTS[:6], recipe={"votes_wanted": 2})
    items = [one.item_id for one in claim(project, bob, 3).items]
    submit(project, items[0], bob, SPAM, now=NOW - timedelta(minutes=2))
    label, _ = submit(project, items[1], bob, SPAM, now=NOW - timedelta(minutes=2))
    undo(bob, label.id)
    submit(project, items[2], bob, HAM, now=NOW)
    then, now = labelled(project, NOW - timedelta(minutes=1)), labelled(project, NOW)
    assert (then.answers, then.merged) == ([SPAM, SPAM], 2)
    assert (now.answers, now.merged) == ([SPAM, HAM], 2)


def test_hidden_truth_goes_before_what_people_say_and_out_of_scope_counts_as_an_answer(
    make_project: MakeProject, bob: User
) -> None:
    project = make_project(TEXTS[:6])
    items = [one.item_id for one in claim(project, bob, 3).items]
    submit(project, items[0], bob, SPAM)
    skip(project, items[1], bob, "out of scope")
    skip(project, items[2], bob, "too blurred")
    with transaction() as db:
        db.execute(update(Item).where(Item.id == items[0]).values(truth=HAM))
    found = labelled(project)
    assert found.answers == [HAM, None]
    assert (found.truth, found.merged, found.facts()["out_of_scope"]) == (1, 1, 1)


def test_of_too_many_items_those_with_the_smallest_keys_are_played(known: Project) -> None:
    with transaction() as db:
        for item in db.scalars(select(Item)):
            item.key = 1 - item.key
    found = labelled(known, most=10)
    assert found.rows.tolist() == list(range(50, 60))
    assert found.left_out == 50


def test_what_cannot_be_played_is_refused_with_a_sentence(known: Project, alice: User, make_project: Any) -> None:
    for wish, said in (
        ({"labels": 49}, "at most 48"),
        ({"labels": 40, "batch": 41}, "batch"),
        ({"seeds": 0}, "greater than or equal to 1"),
        ({"seeds": 99}, "less than or equal to 20"),
        ({"strategies": ["none_such"]}, "none_such"),
        ({"learners": ["linear:colour=red"]}, "colour"),
        ({"nonsense": 1}, "nonsense"),
    ):
        with pytest.raises(BadInput) as refused:
            ask(known, alice, **wish)
        assert said in str([refused.value.detail, refused.value.extra["errors"]]), wish
    with pytest.raises(BadInput, match="more than 12 curves"):
        ask(known, alice, strategies=[f"maxherding:bandwidth=0.{n}" for n in range(1, 9)], learners=TWO_LEARNERS)
    few = make_project(TEXTS[:30], name="Nothing labelled", recipe={"encoder": {"name": "hashed_ngrams"}})
    with pytest.raises(Conflict, match="not encoded yet"):
        ask(few, alice)
    tasks.run_encoding(few.id)
    with pytest.raises(Conflict, match="At least 20 items with answers are needed"):
        ask(few, alice)


TWO_LEARNERS = ["linear", "linear:strength=2"]


def test_one_runs_at_a_time_and_old_ones_are_forgotten(
    known: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(known, alice)
    with pytest.raises(Conflict, match="runs already"):
        ask(known, alice)
    monkeypatch.setattr(simulations, "KEPT", 2)
    for _ in range(2):
        finish(known)
        last = ask(known, alice)
    with reading() as db:
        assert sorted(db.scalars(select(Simulation.id))) == [last - 1, last]
    assert kept(first) == []


def test_a_slice_is_one_replay_and_the_next_goes_on_from_there(
    known: Project, alice: User, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation_work, "SLICE_SECONDS", 0.0)
    made = ask(known, alice)
    for finished in range(1, 6):
        sent.clear()
        tasks.run_simulation(known.id)
        found = stored(made)
        assert (found.state, found.owner) == ("open", None)
        assert [one.number for one in kept(made)] == list(range(finished))
        assert sent == [("run_simulation", (known.id,))]
        assert found.result is not None
        assert found.result["replays"]["finished"] == finished
    tasks.run_simulation(known.id)
    assert stored(made).state == "done"
    assert stored(made).rounds_done == stored(made).rounds_total


def test_the_sweep_finds_what_no_message_told(known: Project, alice: User) -> None:
    ask(known, alice)
    wanted = ("run_simulation", known.id)
    with reading() as db:
        assert wanted in sweep.wanted(db, datetime.now(UTC))
    with transaction() as db:
        assert simulation_work.take(db, known.id, "somebody", datetime.now(UTC)) is not None
    with reading() as db:
        assert wanted not in sweep.wanted(db, datetime.now(UTC))
        assert wanted in sweep.wanted(db, datetime.now(UTC) + timedelta(seconds=60))


def test_two_workers_never_hold_it_at_once_and_a_silent_one_is_succeeded(known: Project, alice: User) -> None:
    ask(known, alice, NOW)
    with transaction() as db:
        silent = simulation_work.take(db, known.id, "one", NOW)
        assert silent is not None
        assert simulation_work.take(db, known.id, "two", NOW) is None
    later = NOW + timedelta(seconds=60)
    with transaction() as db:
        taken = simulation_work.take(db, known.id, "two", later)
    assert taken is not None
    with pytest.raises(simulation_work.LeaseLostError), transaction() as db:
        simulation_work.keep(db, silent, 0, {"late": True}, 1, later)
    assert kept(taken.simulation_id) == []
    with transaction() as db:
        simulation_work.keep(db, taken, 0, {"points": []}, 1, later)
    assert [one.result for one in kept(taken.simulation_id)] == [{"points": []}]


def test_a_restarted_worker_goes_on_with_what_its_dead_predecessor_had_finished(
    known: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation_work, "SLICE_SECONDS", 0.0)
    made = ask(known, alice)
    tasks.run_simulation(known.id)
    first = kept(made)[0].result
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with transaction() as db:
        simulation_work.take(db, known.id, f"{socket.gethostname()}:{gone.pid}:x", datetime.now(UTC))
    tasks.run_simulation(known.id)
    assert len(kept(made)) == 1
    tasks.recover()
    tasks.run_simulation(known.id)
    assert len(kept(made)) == 2
    assert kept(made)[0].result == first


def test_a_restarted_worker_leaves_the_living_alone(known: Project, alice: User) -> None:
    made = ask(known, alice)
    with transaction() as db:
        simulation_work.take(db, known.id, f"{socket.gethostname()}:{os.getpid()}:x", datetime.now(UTC))
    tasks.recover()
    assert stored(made).owner is not None


def test_a_stopped_simulation_keeps_what_is_finished_and_its_worker_notices(
    known: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation_work, "SLICE_SECONDS", 0.0)
    made = ask(known, alice)
    tasks.run_simulation(known.id)
    with transaction() as db:
        taken = simulation_work.take(db, known.id, "me", datetime.now(UTC))
        simulations.cancel(db, db.get_one(Simulation, made), datetime.now(UTC))
    assert taken is not None
    with pytest.raises(simulation_work.LeaseLostError), transaction() as db:
        simulation_work.beat(db, taken, 3, datetime.now(UTC))
    tasks.run_simulation(known.id)
    found = stored(made)
    assert (found.state, len(kept(made))) == ("cancelled", 1)
    assert found.result is not None
    assert ask(known, alice) > made


def test_a_simulation_whose_features_are_gone_says_so(known: Project, alice: User) -> None:
    made = ask(known, alice)
    store.forget_project(known.id)
    tasks.run_simulation(known.id)
    found = stored(made)
    assert found.state == "failed"
    assert "features" in (found.error or "")


def test_a_class_that_is_added_meanwhile_changes_nothing(known: Project, alice: User) -> None:
    made = ask(known, alice)
    with transaction() as db:
        own = db.get_one(Project, known.id)
        classes = [{"name": each["name"]} for each in own.task["classes"]]
        projects.change_project(db, own, {"task": {"kind": "classification", "classes": [*classes, "newsletter"]}})
    finish(known)
    assert stored(made).state == "done"
    assert [one["name"] for one in stored(made).plan["task"]["classes"]] == ["spam", "ham"]


def test_items_are_encoded_in_the_middle_of_a_simulation(
    known: Project, alice: User, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.simulating.BEAT_SECONDS", 0.0)
    made = ask(known, alice)
    other = make_project(TEXTS[:10], name="Waits for its features", recipe={"encoder": {"name": "hashed_ngrams"}})
    seen: list[int] = []

    def others() -> None:
        tasks._before_simulations()
        with reading() as db:
            done = db.scalars(select(Encoding.rows_done).where(Encoding.project_id == other.id)).all()
        seen.append(sum(done))

    with transaction() as db:
        taken = simulation_work.take(db, known.id, "me", datetime.now(UTC))
    assert taken is not None
    tasks.simulating.play(taken, others)
    assert seen[0] == 10
    assert kept(made)


def test_a_deleted_project_takes_its_simulations_with_it(known: Project, alice: User) -> None:
    made = ask(known, alice)
    finish(known)
    assert kept(made)
    with transaction() as db:
        deleting.delete_project(db, db.get_one(Project, known.id))
    assert kept(made) == []
    with reading() as db:
        assert db.scalars(select(Simulation.id)).all() == []


def test_several_classes_are_played_too(make_project: MakeProject, alice: User) -> None:
    task = {"kind": "multilabel", "classes": [{"name": "spam"}, {"name": "pills"}]}
    project = make_project(TEXTS, task=task, recipe={"encoder": {"name": "hashed_ngrams"}})
    with transaction() as db:
        for item in db.scalars(select(Item)):
            item.truth = {"classes": ["spam", "pills"] if "pills" in item.content["text"] else []}
    tasks.run_encoding(project.id)
    made = ask(project, alice)
    finish(project)
    result = stored(made).result
    assert result is not None
    assert np.isclose(result["standings"][0]["curve"][-1][1]["value"], 1.0, atol=0.1)
