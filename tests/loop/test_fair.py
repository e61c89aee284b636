"""A large project does not keep a small one waiting: its rounds come, and its features, while the other's are made."""

from pathlib import Path
from typing import Any

import pytest

from tests.loop.client import Client, make_project, upload
from tests.loop.data import mails
from tests.loop.people import Crowd
from tests.loop.system import PLACES, accounts, running, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("supervisor"),  # one whole system at a time is enough for two cores
]
LARGE, SMALL, LABELS = 6_000, 60, 40


def test_a_small_project_learns_while_a_large_one_is_encoded(tmp_path: Path) -> None:
    data = mails(SMALL)
    with PLACES["sqlite"](tmp_path / "sqlite") as place, running(place):
        token, people = accounts(place, 2)
        with Client(place.address, token) as lead:
            large = make_project(lead, data.modality, data.classes, people)
            words = " ".join(row["text"] for row in data.rows)[:4000]
            upload(lead, large, [{"id": k, "text": f"{k} {words[k % 3000 :][:900]}"} for k in range(LARGE)])
            wait_until(lambda: 0 < _rung(lead, large, 1)["rows_done"] < LARGE, lambda: str(_rungs(lead, large)))
            small = make_project(lead, data.modality, data.classes, people)
            upload(lead, small, data.rows)
            crowd = Crowd(place.address, people, small, data.truth)
            with crowd.at_work(0.1):
                crowd.wait_for(LABELS)
            wait_until(lambda: _learned(lead, small) >= LABELS and _rung(lead, small, 1)["rows_done"] == SMALL)
            assert _rung(lead, large, 1)["rows_done"] < LARGE, "the large one was encoded before: nobody had to wait"


def _rungs(lead: Client, project: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lead.call("GET", f"/projects/{project}/progress")["encoding"]
    return found


def _rung(lead: Client, project: int, number: int) -> dict[str, Any]:
    """One rung's state; nothing done where it has not begun."""
    return next((one for one in _rungs(lead, project) if one["rung"] == number), {"rows_done": 0})


def _learned(lead: Client, project: int) -> int:
    rounds = lead.call("GET", f"/projects/{project}/rounds?limit=5")["rounds"]
    return max((one["labels_used"] for one in rounds if one["state"] == "published"), default=0)
