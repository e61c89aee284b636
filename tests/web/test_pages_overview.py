"""The lead's page: what it says is what REST says, and an old row does not break it."""

from collections.abc import Callable
from html import unescape

from fastapi.testclient import TestClient

from app.db import transaction
from app.models import Encoding, Round, User
from tests.conftest import NOW, MakeProject

ClientFor = Callable[[User | None], TestClient]


def test_the_page_shows_the_questions_that_rest_answers(
    client_for: ClientFor, make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project([f"text {n}" for n in range(400)])
    verdict = {"verdict": "open", "difference": 0.02, "low": -0.03, "high": 0.07, "n": 84, "labels": 75}
    with transaction() as db:
        for n in range(1, 11):
            share = 0.9 - 2 / (20 * n) ** 0.7
            accuracy = {"estimate": share, "low": share - 0.05, "high": share + 0.05, "n": 100, "share": share}
            metrics = {"accuracy": accuracy, "macro_f1": None, "log_loss": None, "verdict": verdict}
            fields = {"state": "published", "opened_at": NOW, "measured_at": NOW, "seed": 1, "recipe": {}}
            db.add(Round(project_id=project.id, number=n, labels_used=20 * n, encoder="x", metrics=metrics, **fields))
    told = client_for(alice).get(f"/api/v1/projects/{project.id}/rounds").json()["outlook"]
    page = unescape(client_for(alice).get(f"/projects/{project.id}").text)
    assert [one["name"] for one in told["questions"]] == ["right", "pays", "stop"]
    for one in told["questions"]:
        for key in ("question", "answer", "figure", "unit", "between", "said"):
            assert one[key] in page, (one["name"], key)
    end = told["forecast"][-1]
    assert f"forecast {100 * end['estimate']:.0f}\u202f%, {100 * end['low']:.0f} to {100 * end['high']:.0f}" in page
    assert "Does the queue pay?" not in client_for(bob).get(f"/projects/{project.id}").text


def test_the_lead_sees_what_was_passed_over_and_why(
    client_for: ClientFor, make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project(["Alpha", "Beta"])
    item = client_for(bob).get(f"/api/v1/projects/{project.id}/next").json()["items"][0]["item"]["id"]
    client_for(bob).post(f"/api/v1/items/{item}/skip", json={"reason": "out of scope", "comment": "<i>Not mail</i>"})
    page = client_for(alice).get(f"/projects/{project.id}").text
    assert "What resembles items that are out of scope or broken is asked last." in page
    assert 'only=skipped">' in page
    listed = client_for(alice).get(f"/projects/{project.id}/items?only=skipped").text
    assert "Alpha" in listed
    assert "Beta" not in listed
    assert "&lt;i&gt;Not mail&lt;/i&gt;" in listed
    assert '<h2 class="second">Skipped' not in client_for(bob).get(f"/projects/{project.id}").text


def test_a_quality_from_before_it_had_dimensions_does_not_break_the_page(
    client_for: ClientFor, make_project: MakeProject, alice: User
) -> None:
    project = make_project(["one"])
    with transaction() as db:
        for rung, quality in enumerate(({"rankme": 210.0}, {}, None)):
            encoder = {"name": "minilm", "quality": quality}
            db.add(
                Encoding(
                    project_id=project.id, rung=rung, encoder=encoder, fingerprint=f"{rung}", seconds=1.0, rows_done=1
                )
            )
    shown = client_for(alice).get(f"/projects/{project.id}")
    assert shown.status_code == 200
    assert "spread over about 210 dimensions" in shown.text


def test_the_steps_of_rounds_are_drawn_on_one_scale_and_told_in_words(
    client_for: ClientFor, make_project: MakeProject, alice: User
) -> None:
    project = make_project(["one"])
    took = ({"fit": 0.5, "choose": 0.5, "total": 1.0}, {"read": 1.0, "fit": 1.0, "total": 2.0}, None)
    with transaction() as db:
        for number, seconds in enumerate(took, 1):
            fields = {"state": "published", "opened_at": NOW, "published_at": NOW, "seed": 1, "recipe": {}}
            db.add(Round(project_id=project.id, number=number, labels_used=1, seconds=seconds, **fields))
    page = client_for(alice).get(f"/projects/{project.id}").text
    newer, older = "read 1.0\u00a0s, fit 1.0\u00a0s", "fit 500\u00a0ms, choose 500\u00a0ms"
    assert page.index(newer) < page.index(older)
    drawn = page[page.index(older) :]
    assert 'class="step-2" x="0.00" width="30.00"' in drawn
    assert 'class="step-3" x="30.00" width="30.00"' in drawn
    assert page.count('class="steps"') == 2


def test_how_suggestions_sway_people_is_told_once_it_can_be(
    client_for: ClientFor, make_project: MakeProject, alice: User, bob: User
) -> None:
    project = make_project(["one"], recipe={"hidden_share": 0.2})
    assert "Once answers to both kinds are measured" in client_for(alice).get(f"/projects/{project.id}").text
    arms = {
        "shown": {"n": 586, "same": 539, "share": 0.92, "seconds": 2.1},
        "hidden": {"n": 144, "same": 121, "share": 0.84, "seconds": None},
        "difference": {"estimate": 0.08, "low": 0.023, "high": 0.15},
    }
    classes = [{"class": "<b>ham</b>", **arms, "difference": {"estimate": -0.08, "low": -0.15, "high": 0.0}}]
    found = {"n": 730, "all": arms, "classes": classes, "few_classes": 1, "few_people": 2}
    found["people"] = [{"user_id": bob.id, **arms}, {"user_id": 10**6, **arms}]
    with transaction() as db:
        fields = {"state": "published", "opened_at": NOW, "measured_at": NOW, "seed": 1, "recipe": {}}
        db.add(Round(project_id=project.id, number=1, metrics={"sway": found}, **fields))
    page = client_for(alice).get(f"/projects/{project.id}").text
    for told in ("They do:", "+8 ", "(+2 to +15)", "−8 ", "&lt;b&gt;ham&lt;/b&gt;", "1 class and 2 people", bob.name):
        assert told in page, told
    assert "Somebody who is gone" in page
    few = {**found, "all": {**arms, "difference": None}}
    with transaction() as db:
        db.add(Round(project_id=project.id, number=2, metrics={"sway": few}, **fields))
    assert "Too early: 586 answers" in client_for(alice).get(f"/projects/{project.id}").text
    assert client_for(alice).get(f"/api/v1/projects/{project.id}/sway").json()["measured"]["people"][1]["name"] is None
    assert "data-sway" not in client_for(bob).get(f"/projects/{project.id}").text
