"""Measuring a round afterwards: who is killed in it, or comes late, changes nothing that is in use."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app import store
from app.core import measure as core_measure
from app.core.round import measure
from app.db import Database, reading, transaction
from app.models import Project, Round, User
from app.services import measuring, round_arrays, round_data, rounds
from tests.conftest import MakeProject
from tests.services.test_exports import lines
from tests.services.test_rounds import TEXTS, answer, latest
from workers import tasks

KILLED = """
import os, signal, sys
from app import jobs
from app.services import measuring
from workers import tasks
jobs.send = lambda remembered: None
measuring.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
tasks.measure_round(int(sys.argv[1]))
"""


@pytest.fixture
def unmeasured(make_project: MakeProject, bob: User, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose queue's round has put its measuring off, and one before it that was measured."""
    monkeypatch.setattr(core_measure, "CHEAP", -1.0)
    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}, "retrain_every": 4})
    tasks.run_encoding(project.id)
    tasks.run_round(project.id)
    for _ in range(2):
        tasks.measure_round(project.id)  # nothing to do before there are labels
        answer(project, bob, 12)
        tasks.run_round(project.id)
        assert latest().measured_at is None
    return project


def checkpoint(project: Project) -> tuple[int, list[int]] | None:
    with reading() as db:
        found = round_arrays.read_checkpoint(db.get_one(Project, project.id))
    return (found[0], found[1].tolist()) if found else None


def predictions(project: Project) -> list[object]:
    return [line["prediction"] for line in lines(project, only="all", predictions=True)]


def test_a_worker_killed_before_it_could_publish_leaves_everything_as_it_was(
    unmeasured: Project, database: Database
) -> None:
    before, told = checkpoint(unmeasured), predictions(unmeasured)
    assert before is not None
    assert before[0] == 12
    environment = {**os.environ, "DATABASE_URL": "" if database.is_sqlite else database.url}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(unmeasured.id)], env=environment, check=False)
    assert killed.returncode == -9
    assert len(list(store.round_folder(unmeasured.id, latest().id).glob("measured-*"))) == 1
    assert (checkpoint(unmeasured), predictions(unmeasured)) == (before, told)
    tasks.recover()
    tasks.measure_round(unmeasured.id)
    assert latest().measured_at is not None
    found = checkpoint(unmeasured)
    assert found is not None
    assert found[0] == 24
    assert predictions(unmeasured) != told  # those of labelled items are out of fold now
    assert (latest().metrics or {})["stability"] is not None  # compared with the model of 12 labels, not with itself


def test_who_measures_late_is_not_heard(unmeasured: Project, bob: User) -> None:
    now = datetime.now(UTC)
    slow, slows = _measured(unmeasured, "slow", now)
    answer(unmeasured, bob, 4)
    quick, quicks = _measured(unmeasured, "quick", now + measuring.LEASE + timedelta(seconds=1))
    assert slow.round_id == quick.round_id
    for opened, (output, known), is_heard in ((quick, quicks, True), (slow, slows, False)):
        names = round_arrays.save_measured(unmeasured.id, opened.round_id, output)
        with transaction() as db:
            assert measuring.publish(db, opened, output, known, names, now) is is_heard
    found = latest()
    assert (found.metrics or {})["labels"] == 28
    np.testing.assert_array_equal(round_arrays.probabilities(found), quicks[0].probabilities)
    assert (checkpoint(unmeasured) or (0,))[0] == 28
    with transaction() as db:
        measuring.fail(db, slow, "too late", now)
    assert latest().error is None


def _measured(project: Project, owner: str, now: datetime) -> tuple[rounds.Opened, tuple[object, round_data.Read]]:
    with transaction() as db:
        opened = measuring.open_measuring(db, project.id, owner, now)
    assert opened is not None
    with reading() as db:
        known = round_data.read(db, opened.round_id, lambda _: None)
    return opened, (measure(known.given), known)


def test_of_two_who_overran_their_lease_the_first_to_finish_is_heard(unmeasured: Project) -> None:
    now = datetime.now(UTC)
    slow, (output, known) = _measured(unmeasured, "slow", now)
    with transaction() as db:
        assert measuring.open_measuring(db, unmeasured.id, "other", now + measuring.LEASE + timedelta(seconds=1))
    names = round_arrays.save_measured(unmeasured.id, slow.round_id, output)
    with transaction() as db:
        assert measuring.publish(db, slow, output, known, names, now)


def test_checkpoints_that_nobody_points_at_go_after_a_while(unmeasured: Project) -> None:
    tasks.measure_round(unmeasured.id)
    with reading() as db:
        in_use = db.get_one(Project, unmeasured.id).checkpoint
        assert db.get_one(Round, latest().id).measured_as == in_use
    assert in_use is not None
    folder = store.project_folder(unmeasured.id)
    assert len(list(folder.glob("checkpoint-*"))) == 2  # somebody may have read the pointer a moment ago
    later = datetime.now(UTC) + timedelta(seconds=round_arrays.KEPT_SECONDS + 5)
    round_arrays.forget_checkpoints(unmeasured.id, in_use, later)
    assert [path.name for path in folder.glob("checkpoint*")] == [f"checkpoint-{in_use}.npz"]


def test_arrays_without_a_name_of_an_older_version_are_read(unmeasured: Project) -> None:
    tasks.measure_round(unmeasured.id)
    with transaction() as db:
        made, project = db.get_one(Round, latest().id), db.get_one(Project, unmeasured.id)
        folder = store.round_folder(project.id, made.id)
        wanted = np.array(round_arrays.probabilities(made))
        (folder / f"probabilities-{made.measured_as}.npy").replace(folder / "probabilities.npy")
        checkpoints = store.project_folder(project.id)
        (checkpoints / f"checkpoint-{project.checkpoint}.npz").replace(checkpoints / "checkpoint.npz")
        made.measured_as = project.checkpoint = None
    np.testing.assert_array_equal(round_arrays.probabilities(latest()), wanted)
    assert (checkpoint(unmeasured) or (0,))[0] == 24
