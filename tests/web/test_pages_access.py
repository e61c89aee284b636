"""Every page of a project: the lead sees it, an annotator what is theirs, a stranger nothing, nobody the door."""

from typing import Any

import pytest

from app.models import User

LEADS_ONLY = ("/items", "/upload", "/people", "/export", "/settings")
MEMBERS = ("", "/live", "/label", "/colors.css")
HTML = {"Accept": "text/html"}


@pytest.mark.parametrize("path", LEADS_ONLY + MEMBERS)
def test_it_works(client_for: Any, make_project: Any, alice: User, path: str) -> None:
    project = make_project(["One"])
    found = client_for(alice).get(f"/projects/{project.id}{path}")
    assert found.status_code == 200


@pytest.mark.parametrize("path", LEADS_ONLY)
def test_an_annotator_is_refused_the_leads_pages(client_for: Any, make_project: Any, bob: User, path: str) -> None:
    project = make_project(["One"])
    found = client_for(bob).get(f"/projects/{project.id}{path}", headers=HTML)
    assert found.status_code == 403
    assert "lead" in found.text


@pytest.mark.parametrize("path", MEMBERS)
def test_an_annotator_sees_what_members_see(client_for: Any, make_project: Any, bob: User, path: str) -> None:
    project = make_project(["One"])
    assert client_for(bob).get(f"/projects/{project.id}{path}").status_code == 200


@pytest.mark.parametrize("path", LEADS_ONLY + MEMBERS)
def test_a_stranger_learns_nothing(client_for: Any, make_project: Any, charlie: User, path: str) -> None:
    project = make_project(["One"])
    found = client_for(charlie).get(f"/projects/{project.id}{path}", headers=HTML)
    assert found.status_code == 404
    assert project.name not in found.text


@pytest.mark.parametrize("path", ["/", "/account", "/projects/1/label"])
def test_nobody_is_sent_to_the_door_and_back(client_for: Any, alice: User, path: str) -> None:
    found = client_for(None).get(path, headers=HTML)
    assert found.status_code == 303
    assert found.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/label", {"item_id": "1", "label_id": "3f1b2c00-0000-4000-8000-000000000001", "answer": '{"class":"spam"}'}),
        ("/people", {"email": "charlie@example.org", "role": "lead"}),
        ("/settings", {"name": "Mine now"}),
        ("/delete", {"confirm": "Mails"}),
        ("/round", {}),
    ],
)
def test_a_stranger_changes_nothing(
    client_for: Any, make_project: Any, charlie: User, path: str, form: dict[str, str]
) -> None:
    project = make_project(["One"])
    assert client_for(charlie).post(f"/projects/{project.id}{path}", data=form).status_code == 404


def test_an_annotators_overview_says_nothing_of_others(
    client_for: Any, make_project: Any, alice: User, bob: User
) -> None:
    project = make_project(["One"])
    text = client_for(bob).get(f"/projects/{project.id}").text
    assert "Answers by class" not in text
    assert "Rounds" not in text
    assert "Answers by class" in client_for(alice).get(f"/projects/{project.id}").text


def test_pages_hold_no_inline_script_or_style(client_for: Any, make_project: Any, alice: User) -> None:
    project = make_project(["One"])
    client = client_for(alice)
    paths = [f"/projects/{project.id}{path}" for path in LEADS_ONLY + ("", "/label")]
    for path in [*paths, "/", "/projects/new", "/account", "/users", "/plugins", "/api/docs", "/sign-in"]:
        text = client.get(path, headers=HTML).text
        assert "<style" not in text, path
        assert " style=" not in text, path
        assert " onclick=" not in text, path
        assert all("src=" in tag.split(">")[0] for tag in text.split("<script")[1:]), path
