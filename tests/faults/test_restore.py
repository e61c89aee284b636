"""A backup that is made while people label, restored into an empty machine of the other kind, where they go on."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app.models import Label
from tests.loop import judge
from tests.loop.client import Client, export, make_project, upload
from tests.loop.data import mails
from tests.loop.people import Crowd
from tests.loop.system import PLACES, Place, accounts, missing, running, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("supervisor")]
PEOPLE, ITEMS = 8, 300


@pytest.mark.parametrize(("kind", "other"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_people_go_on_where_the_backup_was_made(kind: str, other: str, tmp_path: Path) -> None:
    if why_not := missing(kind) or missing(other):
        pytest.skip(why_not)
    data, target = mails(ITEMS), tmp_path / "copy.tar"
    with PLACES[kind](tmp_path / "one") as place, running(place):
        token, people = accounts(place, PEOPLE)
        with Client(place.address, token) as lead:
            project = make_project(lead, data.modality, data.classes, people)
            upload(lead, project, data.rows)
        crowd = Crowd(place.address, people, project, data.truth)
        with crowd.at_work(0.3):
            crowd.wait_for(60)
            before = set(crowd.acknowledged)
            done = place.command("backup", str(target))
            assert done.returncode == 0, done.stderr
            after = set(crowd.acknowledged)
            crowd.wait_for(len(after) + PEOPLE)
    with PLACES[other](tmp_path / "two") as place:
        done = place.command("restore", str(target))
        assert done.returncode == 0, done.stdout + done.stderr
        kept = _labels(place)
        assert before <= kept
        assert kept <= set(crowd.acknowledged)
        later = Crowd(place.address, people, project, data.truth, seed=1)
        later.acknowledged = {name: one for name, one in crowd.acknowledged.items() if name in kept}
        with running(place), Client(place.address, token) as lead:
            later.drain()
            wait_until(lambda: lead.call("GET", f"/projects/{project}/progress")["unlearned"] == 0)
            judge.assert_exactly_what_was_acknowledged(export(lead, project), later)
        checked = place.command("check")
        assert checked.returncode == 0, checked.stdout + checked.stderr


def _labels(place: Place) -> set[str]:
    database = place.database()
    try:
        with database.read_session() as db:
            found: set[UUID] = set(db.scalars(select(Label.id)))
            return {str(one) for one in found}
    finally:
        database.close()
