"""Backups: everything comes back, into either database; what is cut off or changed is refused before anything is."""

import json
import os
import random
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import func, insert, inspect, select, text

from app import db as database_module
from app import migrate, store
from app.db import Database, reading, transaction
from app.errors import BadInput, Conflict
from app.models import Encoding, Item, Label, Lease, Project, Round, User
from app.services import labels, leases, queue, users
from app.services.backups import container, rows
from app.services.backups.backup import backup
from app.services.backups.restore import restore
from app.settings import current
from tests.conftest import HAS_POSTGRES, NOW, MakeProject, _run, _url

Everything = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def full(make_project: MakeProject, bob: User) -> Project:
    """A project with something in every kind of column, and files."""
    project = make_project(["one", "two — ü 🙂 \u2028", "three"])
    with transaction() as db:
        first = db.scalars(select(Item).order_by(Item.row)).first()
        assert first is not None
        first.truth, first.meta = {"class": "spam"}, {"big": 2**80, "nested": [None, 1.5, {"ü": True}]}
        labels.submit(db, project, first.id, users.caller(bob), uuid4(), {"class": "spam"}, 1.25, NOW, True)
        fields = {"rung": 0, "encoder": {"name": "hashed_ngrams"}, "fingerprint": "f", "rows_done": 3}
        db.add(Encoding(project_id=project.id, **fields))
        made = {"project_id": project.id, "number": 1, "seed": 2**40, "recipe": project.recipe, "opened_at": NOW}
        db.add(Round(state="published", published_at=NOW + timedelta(microseconds=1), **made))
        today = datetime.now(UTC)  # or the check after a restore would end it
        second = {"item_id": first.id + 1, "user_id": bob.id, "created_at": today, "ends_at": leases.end_of(today)}
        db.add(Lease(project_id=project.id, chosen_by="queue", score=float("inf"), **second))
        db.execute(Item.__table__.update().where(Item.id == first.id + 1).values(slots=0))  # type: ignore[attr-defined]
    folder = store.features_folder(project.id, "f")
    with store.writing(store.shard_path(folder, 0, 3)) as file:
        np.save(file, np.ones((3, 2), np.float32))
    store.keep_medium("a" * 64, b"an image")
    (store.folder("uploads") / "spooled").write_bytes(b"a file that waits")
    (store.folder("tmp") / "x").write_bytes(b"not kept")
    return project


def everything() -> Everything:
    with reading() as db:
        return {
            table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.primary_key.columns))]
            for table in rows.tables()
        }


def elsewhere(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Another machine: an empty data directory, and a database without tables."""
    monkeypatch.setenv("MARGINALIA_DATA_DIR", str(tmp_path / "other"))
    current.cache_clear()
    store.root().mkdir()
    name = f"marginalia_test_{uuid4().hex[:12]}"
    if kind == "postgresql":
        if not HAS_POSTGRES:
            pytest.skip("no PostgreSQL answers")
        _run(f"CREATE DATABASE {name}")
    made = Database(_url(name) if kind == "postgresql" else f"sqlite:///{store.root()}/marginalia.sqlite3")
    database_module.use(made)
    yield made
    database_module.use(None)
    if kind == "postgresql":
        _run(f"DROP DATABASE {name} WITH (FORCE)")


Go = Callable[..., Database]


@pytest.fixture
def other(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> Iterator[Go]:
    """Goes to another machine, whose database is of this kind."""
    opened: list[Iterator[Database]] = []

    def go(kind: str = "sqlite") -> Database:
        opened.append(elsewhere(kind, tmp_path, monkeypatch))
        return next(opened[-1])

    yield go
    for one in opened:
        next(one, None)


@pytest.mark.parametrize(("kind", "name"), [("sqlite", "copy"), ("postgresql", "copy.tar")])
def test_everything_comes_back_in_either_database_and_goes_on(
    full: Project, bob: User, tmp_path: Path, other: Go, kind: str, name: str
) -> None:
    before = everything()
    made = backup(tmp_path / name)
    other(kind)
    done = restore(tmp_path / name, expected=made.digest)
    assert everything() == before
    assert done.findings == []
    assert done.rows == sum(map(len, before.values())) > 10
    assert store.media_path("a" * 64).read_bytes() == b"an image"
    assert (store.root() / "uploads" / "spooled").read_bytes() == b"a file that waits"
    assert len(store.shards(store.features_folder(full.id, "f"))) == 1
    assert store.temporary_files() == []
    with transaction() as db:  # new rows get new numbers
        project = db.get_one(Project, full.id)
        found = queue.claim(db, project, bob.id, 1, datetime.now(UTC), random.Random(1))
        assert found.items
        add = {"email": "new@example.org", "password_hash": "x", "created_at": NOW, "is_active": True}
        db.execute(insert(User).values(name="", is_admin=False, **add))
    with reading() as db:
        assert db.scalar(select(func.count()).select_from(User)) == len(before["user"]) + 1


def test_without_arrays_the_check_after_it_records_what_is_there(full: Project, tmp_path: Path, other: Go) -> None:
    backup(tmp_path / "copy", has_arrays=False)
    other()
    done = restore(tmp_path / "copy")
    assert [(one.invariant, one.mended) for one in done.findings] == [("encoded", True)]
    with reading() as db:
        assert db.scalar(select(Encoding.rows_done)) == 0


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(b"three")
    content[place] ^= 1
    path.write_bytes(bytes(content))


def smuggle(path: Path) -> None:
    with tarfile.open(path, "a") as archive:
        archive.addfile(tarfile.TarInfo("store/../../evil"))


def lose_the_manifest(path: Path) -> None:
    with tarfile.open(path) as archive:
        archive.extractall(path.with_suffix(".d"), filter="data")
    (path.with_suffix(".d") / "manifest.json").unlink()
    shutil.rmtree(path, ignore_errors=True)
    path.unlink()
    path.with_suffix(".d").rename(path)


@pytest.mark.parametrize("harm", [cut_off, flip, smuggle, lose_the_manifest])
def test_a_partial_or_changed_backup_is_refused_and_nothing_is_restored(
    full: Project, tmp_path: Path, other: Go, harm: Callable[..., None]
):
    backup(tmp_path / "copy.tar")
    harm(tmp_path / "copy.tar")
    other()
    with pytest.raises(BadInput):
        restore(tmp_path / "copy.tar")
    assert not list(store.root().rglob("*")) or {path.name for path in store.root().iterdir()} <= {
        "marginalia.sqlite3",
        "marginalia.sqlite3-wal",
        "marginalia.sqlite3-shm",
        "marginalia.sqlite3-turn",
    }


def test_whoever_changes_the_sums_too_is_found_by_the_sum_that_was_told(
    full: Project, tmp_path: Path, other: Go
) -> None:
    made = backup(tmp_path / "copy")
    manifest = tmp_path / "copy" / "manifest.json"
    told = json.loads(manifest.read_bytes())
    medium = tmp_path / "copy" / "store" / "media" / "aa" / ("a" * 64)
    medium.write_bytes(b"a forgery")
    with medium.open("rb") as file:
        told["files"][f"store/media/aa/{'a' * 64}"] = container.digest_of(file)
    manifest.write_text(json.dumps(told))
    other()
    with pytest.raises(BadInput, match="is not the backup with the sum"):
        restore(tmp_path / "copy", expected=made.digest)


def test_a_system_that_is_not_empty_is_left_alone_unless_told_otherwise(full: Project, tmp_path: Path) -> None:
    before = everything()
    backup(tmp_path / "copy")
    with pytest.raises(Conflict, match="not empty"):
        restore(tmp_path / "copy")
    with transaction() as db:
        db.execute(Label.__table__.delete())  # type: ignore[attr-defined]
    restore(tmp_path / "copy", replace=True)
    assert everything() == before


def test_a_backup_of_a_newer_version_is_refused(full: Project, tmp_path: Path, other: Go) -> None:
    backup(tmp_path / "copy")
    manifest = tmp_path / "copy" / "manifest.json"
    told = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps({**told, "migration": "9999"}))
    other()
    with pytest.raises(BadInput, match="newer"):
        restore(tmp_path / "copy")


def test_a_backup_of_an_older_version_is_brought_to_this_one(full: Project, tmp_path: Path, other: Go) -> None:
    """Its tables are made as they were, filled, and then migrated: the oldest schema's cold start has an old name."""
    backup(tmp_path / "copy")
    manifest = tmp_path / "copy" / "manifest.json"
    told = json.loads(manifest.read_bytes())
    first = migrate.revisions()[-1]
    told["migration"] = first
    made = other()
    migrate.upgrade(first)
    with made.reading.connect() as connection:
        there = inspect(connection)
        old = {name: {one["name"] for one in there.get_columns(name)} for name in there.get_table_names()}
    told["tables"] = {name: facts for name, facts in told["tables"].items() if name in old}
    for name, facts in told["tables"].items():
        keep = [number for number, (column, _) in enumerate(facts["columns"]) if column in old[name]]
        facts["columns"] = [facts["columns"][number] for number in keep]
        for path in (tmp_path / "copy" / "rows" / name).glob("*"):
            lines = [json.loads(line) for line in path.read_bytes().splitlines()]
            path.write_bytes(b"".join(json.dumps([one[n] for n in keep]).encode() + b"\n" for one in lines))
    for path in (tmp_path / "copy" / "rows").iterdir():
        if path.name not in told["tables"]:
            shutil.rmtree(path)
    told["files"] = {name: container.digest_of(file) for name, file in container.files(tmp_path / "copy")}
    del told["files"]["manifest.json"]
    manifest.write_text(json.dumps(told))
    restore(tmp_path / "copy")
    with reading() as db:
        assert db.scalar(select(func.count()).select_from(Item)) == 3
        assert db.execute(text("SELECT version_num FROM alembic_version")).scalar() == migrate.revisions()[0]


def test_a_backup_never_overwrites_another_and_leaves_nothing_half(full: Project, tmp_path: Path, monkeypatch) -> None:
    backup(tmp_path / "copy")
    with pytest.raises(Conflict):
        backup(tmp_path / "copy")
    monkeypatch.setattr(rows, "lines", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backup(tmp_path / "another.tar")
    assert {path.name for path in tmp_path.glob("another*")} == set()


def test_ids_of_labels_are_kept_as_they_were(full: Project, tmp_path: Path, other: Go) -> None:
    with reading() as db:
        before = list(db.scalars(select(Label.id)))
    backup(tmp_path / "copy.tar")
    other()
    restore(tmp_path / "copy.tar")
    with reading() as db:
        assert list(db.scalars(select(Label.id))) == before
    assert all(isinstance(one, UUID) for one in before)
