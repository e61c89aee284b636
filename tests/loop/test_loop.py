"""The whole loop over REST: upload, eight people answer, the model follows, the export holds what was promised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.loop import judge
from tests.loop.client import Client, export, make_project, upload
from tests.loop.data import DataSet, mails, table
from tests.loop.people import Crowd
from tests.loop.system import PLACES, Place, accounts, missing, running, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("supervisor"),  # one whole system at a time is enough for two cores
]
PEOPLE, LABELS, THINK = 8, 250, 0.3


@dataclass(frozen=True)
class Up:
    """A system that is up, with its accounts."""

    place: Place
    lead: str
    people: dict[str, str]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    why_not = missing(request.param)
    if why_not:
        pytest.skip(why_not)
    with PLACES[request.param](tmp_path_factory.mktemp(request.param)) as place, running(place):
        yield Up(place, *accounts(place, PEOPLE))


@pytest.mark.parametrize("made", [lambda: mails(800), lambda: table(800)], ids=["mails", "table"])
def test_eight_people_answer_and_everything_promised_holds(up: Up, made: Callable[[], DataSet]) -> None:
    data = made()
    with Client(up.place.address, up.lead) as lead:
        project = make_project(lead, data.modality, data.classes, up.people)
        assert upload(lead, project, data.rows) == len(data.rows)
        assert upload(lead, project, data.rows) == 0  # the same file once more doubles nothing
        crowd = Crowd(up.place.address, up.people, project, data.truth)
        with crowd.at_work(THINK):
            crowd.wait_for(LABELS)
        progress = _learned(lead, project)
        rounds = lead.call("GET", f"/projects/{project}/rounds?limit=200")["rounds"]
        lines = export(lead, project)
    assert progress["labels"] == progress["labelled"] == len(crowd.acknowledged)
    assert progress["open_leases"] == 0
    judge.assert_exactly_what_was_acknowledged(lines, crowd)
    judge.assert_choices_are_recorded(lines, random_share=0.1)
    judge.assert_asked_in_queue_order(lines)
    judge.assert_rounds_ran_by_themselves(rounds, len(crowd.acknowledged))
    judge.assert_accuracy_is_honest(progress["accuracy"], lines, crowd)
    checked = up.place.command("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _learned(lead: Client, project: int) -> dict[str, Any]:
    """The progress once a round has learned every label, which nobody asks for."""
    found: dict[str, Any] = {}

    def is_learned() -> bool:
        found.update(lead.call("GET", f"/projects/{project}/progress"))
        return bool(found["unlearned"] == 0)

    wait_until(is_learned, lambda: str(found), patience=30)
    return found
