"""The check: each broken invariant is found, explained and, where that is safe, mended; labels are never touched."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import select, text, update

from app import store
from app.db import transaction
from app.models import Encoding, Item, Label, Lease, Project, Round, User
from app.services import check, labels, users
from tests.conftest import NOW, MakeProject

LATER = NOW + timedelta(days=2)


def found(mend: bool = False, now: datetime = LATER) -> dict[str, check.Finding]:
    return {one.invariant: one for one in check.examine(now, mend)}


def change(statement: str, **values: Any) -> None:
    with transaction() as db:
        db.execute(text(statement), values)


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project(["one", "two", "three"])


def test_a_fresh_project_has_nothing_to_find(project: Project) -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("statement", "invariant"),
    [
        ("UPDATE item SET slots = 7 WHERE row = 1", "slots"),
        ("UPDATE item SET is_settled = true WHERE row = 1", "settled"),
        ("INSERT INTO tally VALUES ((SELECT max(id) FROM project), 7, 1, 1, 1, 0)", "counts"),
        ("UPDATE project SET queue_round_id = 4711", "queue"),
        ("UPDATE project SET encoding_id = 4711", "encoding_in_use"),
    ],
)
def test_what_can_be_counted_anew_is_mended(project: Project, statement: str, invariant: str) -> None:
    change(statement)
    assert list(found()) == [invariant]
    assert found()[invariant].mendable
    assert found(mend=True)[invariant].mended
    assert found() == {}


def test_a_gap_in_the_rows_needs_a_person(project: Project) -> None:
    change("DELETE FROM item WHERE row = 1")
    assert not found(mend=True)["rows"].mendable
    assert list(found()) == ["rows"]


def test_a_lease_that_nobody_ended_gives_its_slot_back(project: Project, bob: User) -> None:
    with transaction() as db:
        item = db.scalars(select(Item)).first()
        db.add(
            Lease(
                project_id=project.id,
                item_id=item.id,
                user_id=bob.id,
                created_at=NOW,
                ends_at=NOW,
                chosen_by="queue",
            )
        )
        db.execute(update(Item).where(Item.id == item.id).values(slots=0))
    assert found(now=NOW + timedelta(seconds=30)) == {}
    assert found(mend=True)["leases"].mended
    assert found() == {}
    with transaction() as db:
        assert list(db.scalars(select(Item.slots))) == [1, 1, 1]


def test_an_answer_too_many_is_told_and_kept(project: Project, alice: User, bob: User) -> None:
    with transaction() as db:
        item = db.scalars(select(Item)).first()
        for person in (alice, bob):
            lease = {"created_at": NOW, "ends_at": NOW + timedelta(minutes=3), "ended_at": None}
            db.add(Lease(project_id=project.id, item_id=item.id, user_id=person.id, chosen_by="queue", **lease))
            item.slots -= 1
    for person in (alice, bob):
        with transaction() as db:
            now = NOW + timedelta(seconds=5)
            labels.submit(db, project, item.id, users.caller(person), uuid4(), {"class": "spam"}, None, now)
    assert not found(mend=True)["over_wanted"].mendable
    with transaction() as db:
        assert len(list(db.scalars(select(Label)))) == 2


def test_a_round_whose_worker_died_is_ended(project: Project) -> None:
    with transaction() as db:
        made = {"project_id": project.id, "number": 1, "seed": 1, "recipe": project.recipe}
        db.add(Round(state="open", owner="x:1", opened_at=NOW, lease_ends_at=NOW, **made))
    assert found(mend=True)["rounds"].mended
    with transaction() as db:
        assert db.scalar(select(Round.state)) == "failed"


@pytest.fixture
def encoded(project: Project) -> Encoding:
    with transaction() as db:
        fields = {"rung": 0, "encoder": {"name": "hashed_ngrams"}, "fingerprint": "f", "rows_done": 3}
        made = Encoding(project_id=project.id, **fields)
        db.add(made)
    folder = store.features_folder(project.id, "f")
    for start, end in ((0, 2), (2, 3)):
        with store.writing(store.shard_path(folder, start, end)) as file:
            np.save(file, np.zeros((end - start, 4), np.float32))
    return made


def cut(path: Any) -> None:
    os.truncate(path, path.stat().st_size - 10)


def swap(path: Any) -> None:
    np.save(path, np.zeros((9, 4), np.float32))


@pytest.mark.parametrize("harm", [cut, swap])
def test_a_broken_shard_goes_and_its_rows_are_encoded_again(
    project: Project, encoded: Encoding, harm: Callable[..., None]
) -> None:
    assert found() == {}
    harm(store.shard_path(store.features_folder(project.id, "f"), 2, 3))
    assert found(mend=True)["shards"].mended
    assert found() == {}
    with transaction() as db:
        assert db.scalar(select(Encoding.rows_done)) == 2


def test_a_missing_shard_is_recorded(project: Project, encoded: Encoding) -> None:
    store.shard_path(store.features_folder(project.id, "f"), 0, 2).unlink()
    assert found(mend=True)["encoded"].mended
    with transaction() as db:
        assert db.scalar(select(Encoding.rows_done)) == 0


def test_an_image_that_is_gone_is_named(make_project: MakeProject) -> None:
    project = make_project([], modality="image")
    with transaction() as db:
        fields = {"content_hash": b"1" * 16, "key": 0.5, "slots": 1, "created_at": NOW}
        db.add(Item(project_id=project.id, row=0, content={"image": "0" * 64}, **fields))
        db.execute(update(Project).values(next_row=1))
    assert list(found()) == ["media"]
    store.keep_medium("0" * 64, b"x")
    assert found() == {}


def test_what_killed_processes_left_is_found_when_it_is_old_and_deleted(project: Project) -> None:
    left = store.folder("tmp") / ".part-abc"
    left.write_bytes(b"half")
    orphan = store.folder("projects", 4711)
    now = datetime.now(UTC)
    assert found(now=now) == {}
    for path in (left, orphan):
        os.utime(path, (now.timestamp() - 3 * 86400,) * 2)
    assert set(found(now=now)) == {"temporary_files", "orphan_arrays"}
    assert all(one.mended for one in found(mend=True, now=now).values())
    assert not left.exists()
    assert not orphan.exists()


def test_the_findings_as_json_say_what_they_mean(project: Project) -> None:
    change("UPDATE item SET slots = 7")
    told = check.shown(check.examine(LATER), mend=False)
    assert told["holds"] is False
    (one,) = told["findings"]
    assert (one["invariant"], one["count"], one["project"], one["mended"]) == ("slots", 3, project.id, False)
    assert len(one["examples"]) == 3
    assert one["means"]


def test_a_temporary_file_never_lies_beside_what_is_read(project: Project) -> None:
    path = store.folder("projects", project.id) / "x.npy"
    with store.writing(path) as file:
        file.write(b"1")
        assert list(path.parent.iterdir()) == []
        assert len(store.temporary_files()) == 1
    assert path.read_bytes() == b"1"
    assert store.temporary_files() == []
