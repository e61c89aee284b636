"""Statements about an item's labels find them by the item: SQLite once read all of a project's for each item."""

from pathlib import Path

import pytest
from sqlalchemy import event

from app import db as databases
from app.db import Database, reading
from app.models import Project
from app.services import browse, exports, invariants, simulation_data
from tests.conftest import NOW, MakeProject


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_statement_reads_all_labels_once_for_each_item(
    make_project: MakeProject, database: Database, tmp_path: Path
) -> None:
    project = make_project([f"text {number}" for number in range(20)])
    plans: list[str] = []

    def explain(connection: object, cursor: object, statement: str, values: object, *_: object) -> None:
        if " label" in statement:
            own = connection.connection.driver_connection.cursor()  # type: ignore[attr-defined]
            found = own.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            inner = [row[3] for row in found if row[1] or "item_id" in row[3] or "SCAN label" in row[3]]
            plans.extend(f"{step} of {statement}" for step in inner)

    event.listen(databases.database().reading, "before_cursor_execute", explain)
    with reading() as db:
        own = db.get_one(Project, project.id)
        simulation_data._keys(db, own.id, NOW)
        invariants.over_wanted(db, own, NOW)
        invariants.slots(db, own, NOW)
        invariants.settled(db, own, NOW)
        browse.items(db, own, "all", -1, 10)
    exports.export(project.id, "jsonl", exports.Filters(only="all"), tmp_path / "out")
    of_labels = [plan for plan in plans if " label" in plan.split(" of ")[0]]
    assert len(of_labels) > 5
    assert [plan for plan in of_labels if "item_id" not in plan.split(" of ")[0]] == []
