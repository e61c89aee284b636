"""Shards: any number of workers take them, nobody's is lost, and many hands say what one pair says."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from app import store
from app.core.data import ShardedFeatures
from app.core.round import RoundOutput, run
from app.db import Database, reading, transaction
from app.models import Encoding, Project, Shard, User, Worker
from app.services import encodings, progress, round_data, round_shards, rounds, shards, sweep
from app.services.encoding_data import Slice
from app.settings import current
from tests.conftest import MakeProject
from tests.services.test_labels import SPAM, submit
from tests.services.test_queue import claim
from tests.services.test_rounds import TEXTS, answer, due, latest
from workers import scoring, tasks

RECIPE = {"encoder": {"name": "hashed_ngrams"}, "retrain_every": 4}
NO_NEWS: Any = lambda _: None  # noqa: E731  # a step that nobody is told of


@pytest.fixture
def labelled(make_project: MakeProject, bob: User, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose next round has labels, and whose forty items make seven shards."""
    monkeypatch.setenv("MARGINALIA_SHARD_ROWS", "6")
    current.cache_clear()
    project = make_project(TEXTS, recipe=RECIPE)
    tasks.run_encoding(project.id)
    tasks.run_round(project.id)
    answer(project, bob, 8)
    return project


def opened(project: Project, owner: str = "one") -> rounds.Opened:
    with transaction() as db:
        found = rounds.open_round(db, project.id, owner, datetime.now(UTC))
    assert found is not None
    return found


def computed(one: rounds.Opened, in_shards: bool) -> RoundOutput:
    from dataclasses import replace

    with reading() as db:
        given = round_data.read(db, one.round_id, NO_NEWS).given
    return run(replace(given, scoring=scoring.scoring_of(one, given.features, NO_NEWS) if in_shards else None))


def assert_same(one: RoundOutput, other: RoundOutput) -> None:
    assert [entry.row for entry in one.queue] == [entry.row for entry in other.queue]
    assert one.probabilities is not None
    assert other.probabilities is not None
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=2e-3)


def test_a_round_in_shards_says_what_a_round_in_one_job_says(labelled: Project) -> None:
    one = opened(labelled)
    assert_same(computed(one, in_shards=False), computed(one, in_shards=True))


def test_a_small_pool_stays_in_one_job(labelled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARGINALIA_SHARD_ROWS", "11")
    current.cache_clear()
    one = opened(labelled)
    with reading() as db:
        features = round_data.read(db, one.round_id, NO_NEWS).given.features
    assert scoring.scoring_of(one, features, NO_NEWS) is None


def test_other_workers_score_shards_each_once(labelled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    one = opened(labelled)
    alone = computed(one, in_shards=False)
    real, scored = round_shards.score, []
    gate = threading.Barrier(3, timeout=20)

    def noted(folder: Path, scorer: Any, features: Any, start: int, stop: int) -> None:
        scored.append((start, threading.current_thread().name))
        if len(scored) <= 3:
            gate.wait()  # three at once
        real(folder, scorer, features, start, stop)

    monkeypatch.setattr(round_shards, "score", noted)
    helpers = [threading.Thread(target=_help_when_there_is, args=(labelled.id,), name=f"helper {k}") for k in range(2)]
    for helper in helpers:
        helper.start()
    together = computed(one, in_shards=True)
    for helper in helpers:
        helper.join(20)
    assert sorted(start for start, _ in scored) == list(range(0, 40, 6))
    assert len({name for _, name in scored}) == 3
    assert_same(alone, together)


def _help_when_there_is(project_id: int) -> None:
    until = datetime.now(UTC) + timedelta(seconds=20)
    while datetime.now(UTC) < until:
        with reading() as db:
            if project_id in shards.free_projects(db, shards.SCORE, datetime.now(UTC)):
                break
    tasks.score_shards(project_id)


def test_a_dead_helpers_shard_is_taken_over(labelled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARGINALIA_HEARTBEAT_SECONDS", "0.3")
    current.cache_clear()
    real = shards.lay_out

    def and_somebody_dies(db: Any, project_id: int, kind: str, of_id: int, total: int, size: int) -> None:
        real(db, project_id, kind, of_id, total, size)
        assert shards.take(db, kind, of_id, "a dead worker", datetime.now(UTC)) is not None

    monkeypatch.setattr(shards, "lay_out", and_somebody_dies)
    one = opened(labelled)
    assert_same(computed(one, in_shards=False), computed(one, in_shards=True))


def test_a_cancelled_round_ends_in_the_middle_and_comes_back_with_a_label(
    labelled: Project, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = latest().id
    real = round_shards.score

    def cancelled(*given: Any) -> None:
        real(*given)
        with reading() as db:
            (shown,) = progress.rounds(db, db.get_one(Project, labelled.id), 1)
            assert shown["shards"] == {"done": 0, "held": 1, "of": 7}
        with transaction() as db:
            assert rounds.cancel(db, db.get_one(Project, labelled.id), datetime.now(UTC))

    monkeypatch.setattr(round_shards, "score", cancelled)
    monkeypatch.setattr(tasks, "BEAT_SECONDS", 0.0)
    tasks.run_round(labelled.id)
    assert latest().state == "cancelled"
    with reading() as db:
        assert db.get_one(Project, labelled.id).queue_round_id == before
        assert db.scalars(select(Shard)).all() == []
    assert due(labelled, datetime.now(UTC) + timedelta(minutes=5)) is None
    with transaction() as db:
        assert not rounds.cancel(db, db.get_one(Project, labelled.id), datetime.now(UTC))
    monkeypatch.setattr(round_shards, "score", real)
    (one,) = claim(labelled, bob, 1, now=datetime.now(UTC)).items
    submit(labelled, one.item_id, bob, SPAM, now=datetime.now(UTC))
    assert due(labelled) == "9 new labels"
    tasks.run_round(labelled.id)
    assert latest().state == "published"


def test_free_shards_are_asked_for_by_the_sweep(labelled: Project) -> None:
    one = opened(labelled)
    with transaction() as db:
        shards.lay_out(db, labelled.id, shards.SCORE, one.round_id, 40, 6)
    with reading() as db:
        assert ("score_shards", labelled.id) in sweep.wanted(db, datetime.now(UTC))


@pytest.fixture
def pool(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Forty items whose first twenty are encoded, at a speed that makes a stretch five; three workers are alive."""
    from app.services import encoding_data

    monkeypatch.setattr(encoding_data, "LEAST", 5)
    project = make_project(TEXTS, recipe=RECIPE)
    with transaction() as db:
        for k in range(3):
            db.add(Worker(name=f"worker {k}", queues="encoding", seen_at=datetime.now(UTC)))
    taken = opened_slice(project, "first")
    assert (taken.start, taken.end) == (0, 40)
    publish(taken, 20, seconds=20.0)
    return project


def opened_slice(project: Project, owner: str, now: datetime | None = None) -> Slice:
    with transaction() as db:
        taken = encodings.open_slice(db, project.id, owner, now or datetime.now(UTC))
    assert taken is not None
    return taken


def publish(taken: Slice, rows: int, seconds: float = 1.0) -> int:
    """Encode and publish so many rows; how many are done in a row afterwards."""
    from app.core import plugins
    from app.core.data import ArrayFeatures
    from app.core.encoders import Encoder
    from app.services import encoding_data

    encoder = plugins.make("encoders", taken.spec, Encoder)
    texts = TEXTS[taken.start : taken.start + rows]
    encoding_data.save(taken, ArrayFeatures(encoder.encode(texts, {})))
    with transaction() as db:
        encodings.publish_slice(db, taken, rows, seconds)
    with reading() as db:
        return db.get_one(Encoding, taken.encoding_id).rows_done


def test_workers_encode_different_stretches_and_a_gap_counts_when_it_is_closed(pool: Project) -> None:
    one, two, three = (opened_slice(pool, name) for name in ("one", "two", "three"))
    assert [(each.start, each.end) for each in (one, two, three)] == [(20, 25), (25, 30), (30, 35)]
    assert publish(two, 5) == 20
    assert publish(three, 3) == 20  # its time was over
    assert publish(one, 5) == 33
    rest = opened_slice(pool, "one")
    assert (rest.start, rest.end) == (33, 38)
    assert publish(rest, 5) == 38
    assert publish(opened_slice(pool, "two"), 2) == 40
    _assert_encoded_whole(rest)


def _assert_encoded_whole(taken: Slice) -> None:
    from app.core import plugins
    from app.core.encoders import Encoder

    found = ShardedFeatures(store.shards(store.features_folder(taken.project_id, taken.fingerprint)))
    wanted = plugins.make("encoders", taken.spec, Encoder).encode(TEXTS, {})
    np.testing.assert_array_equal(found.take(np.arange(found.rows)), wanted)


def test_a_silent_workers_stretch_is_taken_over_and_its_late_result_does_no_harm(pool: Project) -> None:
    slow, quick = opened_slice(pool, "slow"), opened_slice(pool, "quick")
    assert publish(quick, 5) == 20
    later = datetime.now(UTC) + timedelta(seconds=current().heartbeat_seconds + 1)
    again = opened_slice(pool, "quick", later)
    assert (again.start, again.end) == (slow.start, slow.end)
    assert publish(slow, 2) == 20  # no longer its own
    assert publish(again, 5) == 30
    while publish(rest := opened_slice(pool, "quick"), rest.end - rest.start) < 40:
        pass
    _assert_encoded_whole(rest)


KILLED = """
import os, signal, sys
from app.core.encoders.hashed_ngrams import HashedNgrams
from app import jobs
from workers import tasks
jobs.send = lambda remembered: None
HashedNgrams.encode = lambda self, contents, learned: os.kill(os.getpid(), signal.SIGKILL)
tasks.run_encoding(int(sys.argv[1]))
"""


def test_a_worker_killed_in_a_stretch_loses_nothing_and_another_goes_on(pool: Project, database: Database) -> None:
    environment = {**os.environ, "DATABASE_URL": "" if database.is_sqlite else database.url}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(pool.id)], env=environment, check=False)
    assert killed.returncode == -9
    other = opened_slice(pool, "other")
    assert (other.start, other.end) == (36, 40)  # the dead one holds what comes before
    assert publish(other, 4) == 20
    tasks.recover()
    again = opened_slice(pool, "again")
    assert (again.start, again.end) == (20, 36)
    assert publish(again, 16) == 40
    _assert_encoded_whole(again)


def test_who_waits_longest_has_the_next_turn_whoevers_message_came(pool: Project, make_project: MakeProject) -> None:
    small = make_project(TEXTS[:3], recipe=RECIPE)
    with reading() as db:
        assert encodings.turn(db, pool.id, datetime.now(UTC)) == small.id
    tasks.run_encoding(pool.id)
    with reading() as db:
        assert db.scalars(select(Encoding.rows_done).where(Encoding.project_id == small.id)).all() == [3]
        assert encodings.turn(db, small.id, datetime.now(UTC)) == pool.id


def test_messages_are_sent_for_idle_workers_only(pool: Project) -> None:
    def is_sent() -> bool:
        with reading() as db:
            return pool.id in encodings.pending(db, datetime.now(UTC))

    assert is_sent()
    for name in ("one", "two"):
        opened_slice(pool, name)
        assert is_sent()
    opened_slice(pool, "three")
    assert not is_sent()
