"""kill -9 of the worker in the middle of a simulation: another goes on from the last finished replay."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.models import SimulationRun
from tests.loop.client import Client, make_project
from tests.loop.data import table
from tests.loop.system import accounts, embedded, missing, running, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("supervisor")]


def test_a_simulation_outlives_its_worker(tmp_path: Path) -> None:
    if why_not := missing("sqlite"):
        pytest.skip(why_not)
    data = table(300)
    with embedded(tmp_path) as place, running(place) as system:
        token, people = accounts(place, 1)
        with Client(place.address, token) as lead:
            project = make_project(lead, data.modality, data.classes, people)
            rows = "".join(json.dumps({**row, "label": data.truth[row["id"]]}) + "\n" for row in data.rows).encode()
            options = "external_id=id&label=label&label_as=truth"
            lead.call("POST", f"/projects/{project}/items?{options}", rows, "application/x-ndjson")
            wait_until(lambda: _is_encoded(lead, project))
            address = f"/projects/{project}/simulations"
            made = lead.call("POST", address, {"seeds": 10, "labels": 200, "batch": 10})["id"]
            finished = _watched(lead, f"{address}/{made}")
            wait_until(lambda: finished() >= 2, patience=120)
            assert system.kill("encoding") == ["encoding"]
            before = finished()
            wait_until(lambda: lead.call("GET", f"{address}/{made}")["state"] == "done", patience=300)
            found = lead.call("GET", f"{address}/{made}")
        database = place.database()
        try:
            with database.read_session() as db:
                numbers = sorted(db.scalars(select(SimulationRun.number)))
        finally:
            database.close()
    assert before < 30
    assert found["error"] is None
    assert found["result"]["replays"] == {"finished": 30, "wanted": 30}
    assert numbers == list(range(30))


def _is_encoded(lead: Client, project: int) -> bool:
    found = lead.call("GET", f"/projects/{project}/progress")["encoding"]
    return any(one["in_use"] and one["rows_done"] >= 300 for one in found)


def _watched(lead: Client, address: str) -> Any:
    def finished() -> int:
        result = lead.call("GET", address)["result"]
        return int(result["replays"]["finished"]) if result else 0

    return finished
