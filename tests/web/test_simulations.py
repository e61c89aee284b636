"""Simulations over REST and on their page: for leads, refused to annotators, unknown to strangers."""

from datetime import UTC, datetime
from typing import Any

import pytest
import torch
from sqlalchemy import select

from app.db import reading, transaction
from app.models import Item, Project, Simulation, User
from app.services import simulation_work
from workers import tasks

HTML = {"Accept": "text/html"}
TEXTS = [f"{word} {number}" for number in range(20) for word in ("buy cheap pills", "lunch with grandmother")]
WISH = {"strategies": ["margin"], "seeds": 3, "labels": 20, "batch": 10}
FORM = {"strategies": ["margin"], "learners": ["linear"], "seeds": "1", "labels": "20"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """As in a worker."""
    torch.set_num_threads(1)


@pytest.fixture
def known(make_project: Any) -> Project:
    """40 items with hidden truth, encoded."""
    project: Project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    with transaction() as db:
        for item in db.scalars(select(Item)):
            item.truth = {"class": "spam" if "pills" in item.content["text"] else "ham"}
    tasks.run_encoding(project.id)
    return project


def finish(project: Project) -> None:
    while _open(project):
        tasks.run_simulation(project.id)


def _open(project: Project) -> list[int]:
    with reading() as db:
        query = select(Simulation.id).where(Simulation.project_id == project.id, Simulation.state == "open")
        return list(db.scalars(query))


def test_it_works_over_rest(client_for: Any, known: Project, alice: User) -> None:
    client, address = client_for(alice, token=True), f"/api/v1/projects/{known.id}/simulations"
    asked = client.post(address, json=WISH)
    assert asked.status_code == 202, asked.text
    made = asked.json()
    assert (made["state"], made["running"], made["progress"], made["result"]) == ("open", False, 0, None)
    assert made["plan"]["strategies"] == [{"name": "margin"}, {"name": "random"}]
    assert made["data"]["items"] == made["data"]["truth"] == 40
    assert client.post(address, json=WISH).status_code == 409
    finish(known)
    found = client.get(f"{address}/{made['id']}").json()
    assert (found["state"], found["progress"], found["error"]) == ("done", 1, None)
    reach = found["result"]["standings"][0]["reaches"][1]
    assert (reach["level"], reach["missed"]) == (0.95, 0)
    assert 1 <= reach["labels"]["value"] <= 20
    assert {"value", "low", "high"} == reach["ratio"].keys()
    listed = client.get(address).json()["simulations"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert "result" not in listed[0]
    assert client.delete(f"{address}/{made['id']}").status_code == 204
    assert client.get(f"{address}/{made['id']}").status_code == 404


def test_everything_has_a_default(client_for: Any, known: Project, alice: User) -> None:
    client = client_for(alice, token=True)
    made = client.post(f"/api/v1/projects/{known.id}/simulations").json()
    assert made["plan"]["strategies"] == [known.recipe["strategy"], {"name": "random"}]
    assert made["plan"]["learners"] == [known.recipe["learner"]]
    assert (made["plan"]["seeds"], made["plan"]["labels"], made["plan"]["batch"]) == (5, 32, 2)


def test_bad_wishes_are_refused_with_their_place(client_for: Any, known: Project, alice: User) -> None:
    client, address = client_for(alice, token=True), f"/api/v1/projects/{known.id}/simulations"
    for wish, field in (
        ({"labels": 33}, "labels"),
        ({"labels": 20, "batch": 30}, "batch"),
        ({"seeds": "many"}, "seeds"),
        ({"strategies": ["nothing"]}, "strategies"),
        ({"learners": [{"name": "linear", "colour": 1}]}, "learners"),
        ({"surprise": 1}, "surprise"),
    ):
        refused = client.post(address, json=wish)
        assert refused.status_code == 422, wish
        assert field in refused.json()["errors"][0]["field"], refused.text
    assert client.post(address, json=[1]).status_code == 422
    assert client.get(f"{address}/{2**62}").status_code == 404


def test_a_simulation_is_stopped_and_keeps_what_is_finished(
    client_for: Any, known: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation_work, "SLICE_SECONDS", 0.0)
    client, address = client_for(alice, token=True), f"/api/v1/projects/{known.id}/simulations"
    made = client.post(address, json=WISH).json()["id"]
    for _ in range(3):
        tasks.run_simulation(known.id)
    stopped = client.post(f"{address}/{made}/cancel").json()
    assert (stopped["state"], stopped["result"]["replays"]) == ("cancelled", {"finished": 3, "wanted": 9})
    assert client.post(f"{address}/{made}/cancel").json()["state"] == "cancelled"
    page = client_for(alice).get(f"/projects/{known.id}/simulate", headers=HTML).text
    assert "It was stopped after 3 of 9 replays" in page


def test_annotators_are_refused_and_strangers_learn_nothing(
    client_for: Any, known: Project, alice: User, bob: User, charlie: User
) -> None:
    with transaction() as db:
        from app.services import simulations

        made = simulations.create(db, db.get_one(Project, known.id), alice.id, WISH, datetime.now(UTC)).id
    api, page = f"/api/v1/projects/{known.id}/simulations", f"/projects/{known.id}/simulate"
    calls = [
        ("GET", api),
        ("POST", api),
        ("GET", f"{api}/{made}"),
        ("POST", f"{api}/{made}/cancel"),
        ("DELETE", f"{api}/{made}"),
        ("GET", page),
        ("POST", page),
        ("GET", f"{page}/{made}/live"),
        ("POST", f"{page}/{made}/stop"),
        ("POST", f"{page}/{made}/delete"),
    ]
    for user, status in ((bob, 403), (charlie, 404)):
        for method, address in calls:
            found = client_for(user).request(method, address, headers=HTML)
            assert found.status_code == status, (method, address)
    assert client_for(None).get(page, headers=HTML).status_code == 303
    assert _open(known) == [made]


def test_a_simulation_of_another_project_is_not_shown(
    client_for: Any, known: Project, make_project: Any, alice: User
) -> None:
    other = make_project(["One"], name="Other")
    client = client_for(alice)
    made = client.post(f"/api/v1/projects/{known.id}/simulations", json=WISH, headers={"Origin": "http://testserver"})
    assert client.get(f"/api/v1/projects/{other.id}/simulations/{made.json()['id']}").status_code == 404
    assert client.get(f"/projects/{other.id}/simulate/{made.json()['id']}/live", headers=HTML).status_code == 404


def test_the_page_asks_shows_and_explains(client_for: Any, known: Project, alice: User) -> None:
    client, address = client_for(alice), f"/projects/{known.id}/simulate"
    first = client.get(address).text
    assert 'value="auto" checked' in first
    assert 'value="random"' not in first.split("<legend>Learners")[0].split("<legend>Strategies")[1]
    asked = client.post(address, data={**FORM, "seeds": "3"})
    assert asked.status_code == 303
    assert "Waiting for a worker" in client.get(address).text
    finish(known)
    text = client.get(asked.headers["location"]).text
    assert 'class="curves"' in text
    assert 'role="img"' in text
    assert "labels by margin" in text
    assert "40 items whose right answers were uploaded" in text
    assert "Labels to 95" in text
    assert "<style" not in text
    assert " style=" not in text
    live = client.get(f"{address}/{_all(known)[0]}/live").text
    assert "<html" not in live
    assert 'data-state="done"' in live
    assert client.post(f"{address}/{_all(known)[0]}/delete").headers["location"] == f"{address}?said=deleted"
    assert _all(known) == []


def _all(project: Project) -> list[int]:
    with reading() as db:
        return list(db.scalars(select(Simulation.id).where(Simulation.project_id == project.id)))


def test_the_page_says_that_asked_items_are_no_random_sample(
    client_for: Any, make_project: Any, alice: User, bob: User
) -> None:
    from tests.services.test_labels import submit
    from tests.services.test_queue import claim

    project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    tasks.run_encoding(project.id)
    for one in claim(project, bob, 30, now=datetime.now(UTC)).items:
        submit(project, one.item_id, bob, {"class": "spam" if "pills" in one.content["text"] else "ham"})
    client, address = client_for(alice), f"/projects/{project.id}/simulate"
    assert client.post(address, data=FORM).status_code == 303, client.post(address, data=FORM).text
    text = client.get(address).text
    assert "30 items that have an answer" in text
    assert "no random sample of your items" in text
    assert "30 of the 30 were drawn at random" in text


def test_a_wrong_form_comes_back_with_every_reason(client_for: Any, known: Project, alice: User) -> None:
    wrong = {**FORM, "labels": "900", "strategies": ["margin"]}
    refused = client_for(alice).post(f"/projects/{known.id}/simulate", data=wrong, headers=HTML)
    assert refused.status_code == 422
    assert "at most 32" in refused.text
    assert 'value="900"' in refused.text


def test_too_few_answers_are_said_on_the_page(client_for: Any, make_project: Any, alice: User) -> None:
    project = make_project(TEXTS[:5], recipe={"encoder": {"name": "hashed_ngrams"}})
    tasks.run_encoding(project.id)
    refused = client_for(alice).post(f"/projects/{project.id}/simulate", data=FORM, headers=HTML)
    assert refused.status_code == 409
    assert "At least 20 items with answers are needed" in refused.text
