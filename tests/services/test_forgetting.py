"""Forgetting a person, and what a deleted project leaves: gone is gone, and what is others' is not touched."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from app import store
from app.db import reading, transaction
from app.errors import Conflict
from app.models import Item, Label, Lease, Project, User
from app.services import check, deleting, forgetting, labels, leases, media_left, users
from app.services.upload_rows import digest_of
from tests.conftest import NOW, MakeProject

ClientFor = Callable[..., TestClient]


@pytest.fixture
def project(make_project: MakeProject, alice: User, bob: User) -> Project:
    """Bob has answered, answered twice, taken back and skipped; Alice has answered, too; Bob holds an item."""
    made = make_project(["one", "two", "three", "four"])
    with transaction() as db:
        items = list(db.scalars(select(Item.id).order_by(Item.row)))
    for who, item, answer in ((bob, 0, "spam"), (bob, 1, "spam"), (bob, 1, "ham"), (alice, 1, "ham")):
        with transaction() as db:
            labels.submit(db, made, items[item], users.caller(who), uuid4(), {"class": answer}, None, NOW, True)
    with transaction() as db:
        labels.skip(db, made, items[2], users.caller(bob), "unclear", NOW)
        today = datetime.now(UTC)
        held = {"created_at": today, "ends_at": leases.end_of(today), "chosen_by": "queue"}
        db.add(Lease(project_id=made.id, item_id=items[3], user_id=bob.id, **held))
        db.execute(Item.__table__.update().where(Item.id == items[3]).values(slots=0))  # type: ignore[attr-defined]
    return made


def slots() -> list[int]:
    with reading() as db:
        return list(db.scalars(select(Item.slots).order_by(Item.row)))


def test_labels_stay_under_a_number_and_everything_else_goes(
    project: Project, bob: User, client_for: ClientFor
) -> None:
    client = client_for(bob)
    assert client.get("/api/v1/me").status_code == 200
    done = forgetting.forget(bob.id, "keep", NOW)
    assert done == {"pseudonym": f"person-{bob.id}@forgotten.invalid", "labels": "keep", "labels_deleted": 0}
    assert client.get("/api/v1/me").status_code == 401
    with reading() as db:
        assert len(list(db.scalars(select(Label).where(Label.user_id == bob.id)))) == 4
        for table in ("sign_in", "token", "member", "known_browser"):
            assert db.execute(text(f"SELECT count(*) FROM {table} WHERE user_id = {bob.id}")).scalar() == 0
        everything = str(list(db.execute(select(User.__table__))))
    assert "bob" not in everything.lower()
    assert slots() == [0, -1, 1, 1]
    assert check.examine(datetime.now(UTC)) == []


def test_labels_go_where_that_is_said_and_their_items_are_asked_again(project: Project, alice: User, bob: User) -> None:
    done = forgetting.forget(bob.id, "delete", NOW)
    assert done["labels_deleted"] == 4
    assert slots() == [1, 0, 1, 1]
    with reading() as db:
        assert [one.user_id for one in db.scalars(select(Label))] == [alice.id]
        assert list(db.scalars(select(Item.is_settled).order_by(Item.row))) == [False, True, False, False]
        assert db.scalars(select(Project.round_asked_at)).one() is not None
        assert list(db.scalars(select(Lease).where(Lease.user_id == bob.id))) == []
    assert check.examine(datetime.now(UTC)) == []


def test_who_was_interrupted_says_it_again(project: Project, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 1)
    once = forgetting._delete_labels
    calls = []

    def interrupted(*given: Any) -> int:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return once(*given)

    monkeypatch.setattr(forgetting, "_delete_labels", interrupted)
    with pytest.raises(KeyboardInterrupt):
        forgetting.forget(bob.id, "delete", NOW)
    with reading() as db:
        again = users.by_email(db, bob.email).id
    assert forgetting.forget(again, "delete", NOW)["labels_deleted"] == 2
    assert check.examine(datetime.now(UTC)) == []


def test_the_last_admin_cannot_be_forgotten(project: Project, alice: User) -> None:
    with pytest.raises(Conflict):
        forgetting.forget(alice.id, "keep", NOW)


def test_everything_that_is_kept_is_told_and_no_key(project: Project, bob: User, client_for: ClientFor) -> None:
    client = client_for(bob, token=True)
    lines = [line for line in client.get("/api/v1/me/data").text.splitlines() if line]
    assert [line.split('"')[3] for line in lines].count("label") == 4
    assert {line.split('"')[3] for line in lines} == {"account", "member", "token", "lease", "label"}
    assert "hash" not in "".join(lines)


def test_an_admin_types_the_address_once_more(project: Project, alice: User, bob: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    headers = {"Accept": "text/html"}
    refused = client.post(f"/users/{bob.id}/forget", data={"email": "bo@example.org"}, headers=headers)
    assert refused.status_code == 422
    done = client.post(f"/users/{bob.id}/forget", data={"email": bob.email, "labels": "1"}, headers=headers)
    assert done.status_code == 303
    assert f"person-{bob.id}@forgotten.invalid" in client.get("/users", headers=headers).text
    assert client.delete(f"/api/v1/users/{bob.id}?labels=keep").json()["labels_deleted"] == 0
    with reading() as db:
        assert list(db.scalars(select(Label).where(Label.user_id == bob.id))) == []


OLD = NOW.timestamp() - 10 * 86400


def pictures(make_project: MakeProject, shas: list[str]) -> Project:
    project = make_project([], modality="image")
    with transaction() as db:
        for row, sha in enumerate(shas):
            content = {"image": sha}
            fields = {"content_hash": digest_of(content), "key": 0.5, "slots": 1, "created_at": NOW}
            db.add(Item(project_id=project.id, row=row, content=content, **fields))
            store.keep_medium(sha, b"x")
            os.utime(store.media_path(sha), (OLD, OLD))
        db.merge(project).next_row = len(shas)
    return project


def delete(project: Project) -> Path:
    with transaction() as db:
        deleting.delete_project(db, db.get_one(Project, project.id))
    (left,) = store.folder("left").glob("*.txt")
    return left


@pytest.fixture
def gone(make_project: MakeProject) -> tuple[Path, list[Path]]:
    """A deleted project's list, and its two images; the second is shown by another project, too."""
    shas = ["a" * 64, "b" * 64]
    pictures(make_project, shas[1:])
    return delete(pictures(make_project, shas)), [store.media_path(sha) for sha in shas]


def test_images_that_nobody_shows_go_after_a_day(gone: tuple[Path, list[Path]]) -> None:
    left, (only, shared) = gone
    assert media_left.collect(datetime.now(UTC)) == 0
    assert only.exists()
    os.utime(left, (OLD, OLD))
    assert media_left.collect(NOW) == 1
    assert not only.exists()
    assert shared.exists()
    assert not left.exists()


def test_an_image_that_is_uploaded_anew_stays(gone: tuple[Path, list[Path]]) -> None:
    left, (only, _) = gone
    os.utime(left, (OLD, OLD))
    store.keep_medium("a" * 64, b"x")  # its rows are not committed yet
    assert media_left.collect(datetime.now(UTC)) == 0
    assert only.exists()


def test_an_upload_between_looking_and_deleting_finds_its_image_back(
    gone: tuple[Path, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    left, (only, _) = gone
    os.utime(left, (OLD, OLD))
    looked = media_left._is_shown

    def upload(*given: Any) -> bool:
        found = looked(*given)
        store.keep_medium("a" * 64, b"x")
        return found

    monkeypatch.setattr(media_left, "_is_shown", upload)
    now = datetime.now(UTC)
    assert media_left.collect(now) == 0
    assert only.read_bytes() == b"x"


def test_whoever_is_killed_while_taking_away_leaves_it_to_the_next(gone: tuple[Path, list[Path]]) -> None:
    left, (only, _) = gone
    os.utime(left, (OLD, OLD))
    only.rename(store.aside("a" * 64))
    assert media_left.collect(NOW) == 1
    assert not only.exists()
    assert not store.aside("a" * 64).exists()


def test_a_large_project_leaves_several_short_lists(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_left, "AT_ONCE", 1)
    project = pictures(make_project, ["a" * 64, "b" * 64])
    with transaction() as db:
        deleting.delete_project(db, db.get_one(Project, project.id))
    lists = sorted(store.folder("left").glob("*.txt"))
    assert sorted(path.read_text() for path in lists) == ["a" * 64 + "\n", "b" * 64 + "\n"]


def test_a_long_list_is_worked_off_in_parts(gone: tuple[Path, list[Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    left, (only, shared) = gone
    monkeypatch.setattr(media_left, "AT_ONCE", 1)
    os.utime(left, (OLD, OLD))
    later = datetime.now(UTC) + timedelta(days=2)
    assert media_left.collect(later) == 1
    (rest,) = store.folder("left").glob("*.txt")  # of a list that an earlier version wrote
    assert (rest.name[:5], left.exists()) == ("rest-", False)
    assert media_left.collect(later) == 0
    assert not rest.exists()
    assert (only.exists(), shared.exists()) == (False, True)
