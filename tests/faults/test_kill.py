"""kill -9 of every part, in turn, together and whole, while people work: what was acknowledged is what there is."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app.models import Label
from tests.loop import judge
from tests.loop.client import Client, export, make_project, upload
from tests.loop.data import DataSet, mails
from tests.loop.people import Crowd
from tests.loop.system import MARKS, PLACES, Place, System, accounts, missing, running, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("supervisor"),  # one whole system at a time is enough for two cores
]
PEOPLE, ITEMS, THINK = 8, 450, 1.0
LEARNED_WITHIN = 30.0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_kills_under_load_lose_nothing_double_nothing_and_strand_nothing(kind: str, tmp_path: Path) -> None:
    why_not = missing(kind)
    if why_not:
        pytest.skip(why_not)
    data, rng = mails(ITEMS), random.Random(kind)
    with PLACES[kind](tmp_path / kind) as place, running(place) as system:
        token, people = accounts(place, PEOPLE)
        with Client(place.address, token) as lead:
            project = make_project(lead, data.modality, data.classes, people)
            _upload_through_a_kill(system, lead, project, data, rng)
            crowd = Crowd(place.address, people, project, data.truth)
            with crowd.at_work(THINK):
                crowd.wait_for(20)
                _kill_each(system, crowd, rng)
                _kill_all_together(system, crowd)
                _kill_parent_and_restart(system, crowd)
                _wait_for_round(lead, project, len(crowd.acknowledged))
            assert len(crowd.acknowledged) < ITEMS, "the people ran out of items: the kills did not meet them at work"
            assert crowd.retries > 0
            crowd.drain()
            _wait_for_round(lead, project, ITEMS)
            lines = export(lead, project)
        assert len(crowd.acknowledged) == ITEMS
        judge.assert_exactly_what_was_acknowledged(lines, crowd)
        assert _stored(place, project) == sorted(map(UUID, crowd.acknowledged))
        checked = place.command("check")
        assert checked.returncode == 0, checked.stdout + checked.stderr


def _upload_through_a_kill(system: System, lead: Client, project: int, data: DataSet, rng: random.Random) -> None:
    """The web server is killed while it takes the file; the same file sent again makes it whole, and not more."""
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(upload, lead, project, data.rows)
        time.sleep(rng.uniform(0.02, 0.2))
        assert system.kill("web") == ["web"]
        sent.result()  # 0 added where the first try was stored and only its answer was lost
    assert lead.call("GET", f"/projects/{project}/progress")["items"] == ITEMS
    wait_until(lambda: "web" in system.children(), system.told)


def _kill_each(system: System, crowd: Crowd, rng: random.Random) -> None:
    """One part after the other, at no particular moment; after each, people get on."""
    for name in MARKS:
        if name in system.children():  # where Redis is given by its URL, there is no broker of ours
            time.sleep(rng.uniform(0.2, 1.5))
            assert system.kill(name) == [name]
            _wait_for_progress(system, crowd)


def _kill_all_together(system: System, crowd: Crowd) -> None:
    names = [name for name in MARKS if name in system.children()]
    assert system.kill(*names) == names
    _wait_for_progress(system, crowd)


def _kill_parent_and_restart(system: System, crowd: Crowd) -> None:
    system.kill_parent()
    system.start()
    _wait_for_progress(system, crowd)


def _wait_for_progress(system: System, crowd: Crowd) -> None:
    """Until every part runs again and everybody has been answered something."""
    before = len(crowd.acknowledged)
    wanted = set(MARKS) - ({"broker"} if system.place.redis_url else set())
    wait_until(lambda: set(system.children()) == wanted, system.told)
    crowd.wait_for(before + PEOPLE)


def _wait_for_round(lead: Client, project: int, labels: int) -> None:
    """Until a round has learned from so many labels."""

    def latest() -> int:
        rounds = lead.call("GET", f"/projects/{project}/rounds?limit=5")["rounds"]
        return max((one["labels_used"] for one in rounds if one["state"] == "published"), default=0)

    wait_until(lambda: latest() >= labels, lambda: f"{latest()} of {labels} learned", LEARNED_WITHIN)


def _stored(place: Place, project: int) -> list[UUID]:
    """The ids of all labels in the table, standing or ended."""
    database = place.database()
    try:
        with database.read_session() as db:
            return sorted(db.scalars(select(Label.id).where(Label.project_id == project)))
    finally:
        database.close()
