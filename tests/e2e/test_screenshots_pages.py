"""The pictures of every page but the labelling page: a project that real clients answer, for `make screenshots`."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.models import User
from app.services import users
from tests.e2e.test_screenshots import FOLDER, shoot
from tests.loop.client import Client, upload
from tests.loop.data import DataSet, short_texts
from tests.loop.people import Crowd
from tests.loop.system import Place, System, accounts, free_port, missing, running, wait_until

pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="make screenshots draws them"),
    pytest.mark.skipif(bool(missing("sqlite")), reason=missing("sqlite")),
]
CLASSES, PEOPLE, LABELS = 8, 4, 260
WRONG = 0.05  # of the answers
GUIDE = "Choose what the person **wants**, not what went wrong.\n\n- In doubt between two, take the more specific one."
TALL = ("items", "plugins", "api-docs")  # of which one screen says enough


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(Place(tmp_path_factory.mktemp("pages"), free_port())) as found:
        yield found


def questions() -> DataSet:
    """Questions to a bank of its most frequent kinds, with names as people would write them."""
    data = short_texts(9000)
    kinds = [kind for kind, _ in Counter(data.truth.values()).most_common(CLASSES)]
    truth = {key: kind.replace("_", " ") for key, kind in data.truth.items() if kind in kinds}
    return DataSet("questions", "text", [row for row in data.rows if row["id"] in truth], truth)


@pytest.fixture(scope="module")
def labelled(system: System) -> int:
    """A project that four people have answered for a while, with a model that follows."""
    token, people = accounts(system.place, PEOPLE)
    data, rng = questions(), random.Random(5)
    answers = {key: rng.choice(data.classes) if rng.random() < WRONG else truth for key, truth in data.truth.items()}
    with Client(system.place.address, token) as lead:
        project = _made(lead, data.classes, people)
        upload(lead, project, data.rows)
        crowd = Crowd(system.place.address, people, project, answers)
        with crowd.at_work(0.5):
            crowd.wait_for(LABELS, patience=240)
        wait_until(lambda: _measured(lead, project))
    return project


def _made(lead: Client, classes: list[str], people: dict[str, str]) -> int:
    task = {"kind": "classification", "classes": [{"name": name} for name in classes]}
    wanted = {"name": "Questions to the help desk", "modality": "text", "task": task, "guidelines": GUIDE}
    project: int = lead.call("POST", "/projects", {**wanted, "recipe": {"votes_wanted": 1, "random_share": 0.2}})["id"]
    for email in people:
        lead.call("POST", f"/projects/{project}/members", {"email": email, "role": "annotator"})
    return project


def _measured(lead: Client, project: int) -> bool:
    rounds = lead.call("GET", f"/projects/{project}/rounds?limit=5")["rounds"]
    return any(one["state"] == "published" and one["labels_used"] >= LABELS - 20 for one in rounds)


@pytest.fixture
def page(chromium: Any, system: System, labelled: int) -> Iterator[Any]:
    """A page of the lead's browser."""
    database = system.place.database()
    with database.write_session.begin() as db:
        lead = db.query(User).filter_by(email="lead@example.org").one()
        key = users.start_sign_in(db, lead.id, datetime.now(UTC))
    database.close()
    url = f"http://{system.place.address}"
    context = chromium.new_context(base_url=url)
    context.add_cookies([{"name": "marginalia", "value": key, "url": url}])
    yield context.new_page()
    context.close()


def test_every_page_of_a_lead(page: Any, labelled: int) -> None:
    inside = ("", "items", "people", "upload", "export", "settings")
    paths = {name or "overview": f"/projects/{labelled}/{name}".rstrip("/") for name in inside}
    outside = {"home": "/", "new-project": "/projects/new", "account": "/account", "users": "/users"}
    for name, path in {**outside, **paths, "plugins": "/plugins", "api-docs": "/api/docs"}.items():
        page.goto(path)
        page.wait_for_load_state("load")
        shoot(page, name, whole=name not in TALL)
    page.goto("/no/such/page")
    shoot(page, "error", whole=True)


def test_an_upload_is_mapped(page: Any, labelled: int, tmp_path: Path) -> None:
    data = questions()
    rows = [
        {"number": n, "question": row["text"], "kind": data.truth[row["id"]]} for n, row in enumerate(data.rows[:30])
    ]
    path = tmp_path / "more.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    page.goto(f"/projects/{labelled}/upload")
    page.set_input_files("input[type=file]", str(path))
    page.click("main form .button.primary")
    page.wait_for_url("**/upload/*")
    shoot(page, "upload-map", whole=True)


def test_a_simulation(page: Any, labelled: int) -> None:
    page.goto(f"/projects/{labelled}/simulate")
    shoot(page, "simulate-before", whole=True)
    page.click("main form .button.primary")
    page.wait_for_selector("[data-state=done] figure svg", timeout=240_000)
    shoot(page, "simulate", whole=True)


def test_signing_in(chromium: Any, system: System) -> None:
    context = chromium.new_context(base_url=f"http://{system.place.address}")
    page = context.new_page()
    page.goto("/sign-in")
    shoot(page, "sign-in", whole=True)
    context.close()
