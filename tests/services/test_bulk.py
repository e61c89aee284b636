"""Bulk insertion leaves the tables as single inserts would: defaults, indexes, ids that nobody else gets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import inspect, select, text

from app import store
from app.db import Database, reading, transaction
from app.models import Item, Label, Project, User
from app.services import bulk, rounds, uploads
from tests.conftest import NOW

MakeProject = Callable[..., Project]


def _add(project: Project, user: User, lines: list[str], name: str = "many.csv") -> uploads.Result:
    path: Path = store.folder("uploads") / name
    path.write_text("\n".join(["text,label", *lines]))
    mapping = uploads.Mapping(text="text", label="label")
    with transaction() as db:
        held = db.get_one(Project, project.id)
        return uploads.import_file(db, held, user.id, path, name, mapping, "refuse", NOW, np.random.default_rng(0))


def _indexes(database: Database) -> set[tuple[Any, ...]]:
    return {(one["name"], one["unique"]) for one in inspect(database.writing).get_indexes("item")}


def test_indexes_that_are_made_again_are_the_same_and_hold_every_row(
    database: Database, make_project: MakeProject, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, before = make_project(), _indexes(database)
    monkeypatch.setattr(bulk, "REBUILD_FROM", 10)
    monkeypatch.setattr(bulk, "ANALYZE_FROM", 10)
    assert _add(project, alice, [f"text {k}," for k in range(50)]).added == 50
    assert _indexes(database) == before
    assert _add(project, alice, ["text 7,", "text 50,spam"]) == uploads.Result(1, 1, [], 0)
    with reading() as db:
        first = select(Item.row).where(Item.project_id == project.id, Item.slots > 0).order_by(Item.key).limit(1)
        keys = dict(list(db.execute(select(Item.row, Item.key))))
        open_rows = set(keys) - {50}
        assert db.scalar(first) == min(open_rows, key=lambda row: keys[row])
        if database.is_sqlite:
            assert db.scalar(text("PRAGMA integrity_check")) == "ok"


def test_an_import_that_fails_in_the_middle_leaves_the_indexes_and_no_row(
    database: Database, make_project: MakeProject, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, before = make_project(["there before"]), _indexes(database)
    monkeypatch.setattr(bulk, "REBUILD_FROM", 10)
    real = bulk.insert_rows

    def broken(db: Any, table: Any, *more: Any) -> None:
        real(db, table, *more)
        if table.name == "label":
            raise OSError("the disk is full")

    monkeypatch.setattr(bulk, "insert_rows", broken)
    with pytest.raises(OSError, match="full"):
        _add(project, alice, [f"text {k},spam" for k in range(50)])
    assert _indexes(database) == before
    with reading() as db:
        assert list(db.scalars(select(Item.content))) == [{"text": "there before"}]
        assert db.get_one(Project, project.id).next_row == 1


def test_single_inserts_go_on_after_bulk_ones(make_project: MakeProject, alice: User) -> None:
    project, other = make_project(), make_project()
    _add(project, alice, ["a,spam", "b,ham", "c,"])
    _add(other, alice, ["a,spam"], "other.csv")
    with transaction() as db:
        values = {"content": {"text": "d"}, "content_hash": b"d" * 16, "key": 0.5, "slots": 1, "created_at": NOW}
        db.add(Item(project_id=project.id, row=3, **values))
    with reading() as db:
        ids = list(db.scalars(select(Item.id)))
        assert len(ids) == len(set(ids)) == 5
        answers = {
            (item.content["text"], (label.answer or {})["class"])
            for item, label in db.execute(select(Item, Label).join(Label, Label.item_id == Item.id))
        }
        assert answers == {("a", "spam"), ("b", "ham")}


def test_a_round_is_opened_while_a_file_is_being_added(
    database: Database, make_project: MakeProject, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL; on SQLite writers take turns, and the import is one of them."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    project = make_project(["one", "two"])
    opened: list[Any] = []
    real = bulk.insert_rows

    def meanwhile(*given: Any) -> None:
        real(*given)
        with transaction() as db:
            db.execute(text("SET LOCAL lock_timeout = '2s'"))
            rounds.ask(db, db.get_one(Project, project.id), NOW)
            opened.append(rounds.open_round(db, project.id, "a worker", NOW))

    monkeypatch.setattr(bulk, "insert_rows", meanwhile)
    assert _add(project, alice, ["three,"]).added == 1
    assert len(opened) == 2  # beside the items, and beside their labels, of which there are none
