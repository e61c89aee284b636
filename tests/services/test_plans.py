"""Statements find labels by the item, or by not being learned: SQLite once read all of a project's for each item."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, select, text

from app import db as databases
from app.db import Database, reading, transaction
from app.models import Item, Project, User
from app.services import browse, exports, invariants, labels, measuring, progress, queue, rounds, simulation_data, users
from tests.conftest import NOW, MakeProject

Step = tuple[bool, str, str]  # whether it is within another, what SQLite does, and the statement


@contextmanager
def plans_of(table: str) -> Iterator[list[Step]]:
    """The steps that SQLite plans for every statement that names this table."""
    plans: list[Step] = []

    def explain(connection: object, cursor: object, statement: str, values: object, *_: object) -> None:
        if f" {table}" in statement:
            own = connection.connection.driver_connection.cursor()  # type: ignore[attr-defined]
            found = own.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            plans.extend((bool(parent), step, statement) for _, parent, _, step in found)

    engines = (databases.database().reading, databases.database().writing)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", explain)
    yield plans
    for engine in engines:
        event.remove(engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_statement_reads_all_labels_once_for_each_item(
    make_project: MakeProject, database: Database, tmp_path: Path
) -> None:
    project = make_project([f"text {number}" for number in range(20)])
    with plans_of("label") as plans:
        with reading() as db:
            own = db.get_one(Project, project.id)
            simulation_data._keys(db, own.id, NOW)
            invariants.over_wanted(db, own, NOW)
            invariants.slots(db, own, NOW)
            invariants.settled(db, own, NOW)
            browse.items(db, own, "all", -1, 10)
        exports.export(project.id, "jsonl", exports.Filters(only="all"), tmp_path / "out")
    of_labels = [
        step
        for is_inner, step, _ in plans
        if " label" in step and (is_inner or "item_id" in step or "SCAN label" in step)
    ]
    assert len(of_labels) > 5
    assert [step for step in of_labels if "item_id" not in step] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_labels_that_no_round_has_seen_are_found_without_those_that_one_has(
    make_project: MakeProject, database: Database, bob: User
) -> None:
    project = make_project(["one", "two"])
    with transaction() as db:  # of two indexes that seem as good SQLite takes the younger one
        for name, columns in (("ix_label_time", "project_id, created_at"), ("ix_label_person", "project_id, user_id")):
            db.execute(text(f"DROP INDEX {name}"))
            db.execute(text(f"CREATE INDEX {name} ON label ({columns})"))
    with plans_of("label") as plans:
        answer_all(project, bob)
        with reading() as db:
            assert progress.progress(db, project)["unlearned"] == 2
            rounds.due(db, NOW, project.id)
            rounds.due(db, NOW)
            measuring.due(db, NOW)
    fresh = [step for _, step, statement in plans if " label" in step and "learned_round_id IS NULL" in statement]
    assert len(fresh) >= 5
    assert [step for step in fresh if "ix_label_fresh" not in step] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_has_answered_every_item_does_not_walk_through_them_again(
    make_project: MakeProject, database: Database, alice: User, bob: User
) -> None:
    project = make_project(["one", "two"], recipe={"votes_wanted": 2})
    last = answer_all(project, bob)
    with plans_of("item") as plans:
        assert asked(project, bob) == "only_yours"
    walks = [statement for _, step, statement in plans if "ix_item_open" in step]
    assert [statement for statement in walks if "ORDER BY" in statement] == []
    assert len(walks) == 1  # whether there is any, for the reason
    assert asked(project, alice) is None
    with transaction() as db:
        labels.undo(db, users.caller(bob), last, NOW)
    assert asked(project, bob) is None


def answer_all(project: Project, who: User) -> UUID:
    """Answer every item as this person; the last label."""
    with reading() as db:
        items = db.scalars(select(Item.id)).all()
    for item in items:
        last = uuid4()
        with transaction() as db:
            queue.claim(db, project, who.id, 1, NOW, Random(1))
            labels.submit(db, project, item, users.caller(who), last, {"class": "spam"}, None, NOW, True)
    return last


def asked(project: Project, who: User) -> str | None:
    """Ask for the next item; why there is none."""
    with transaction() as db:
        return queue.claim(db, db.get_one(Project, project.id), who.id, 1, NOW, Random(1)).empty_reason
