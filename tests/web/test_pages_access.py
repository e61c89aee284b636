"""Every page of a project: the lead sees it, an annotator what is theirs, a stranger nothing, nobody the door."""

from typing import Any
from uuid import uuid4

from app.models import User

LEADS_ONLY = ("/items", "/upload", "/people", "/export", "/settings")
MEMBERS = ("", "/live", "/label", "/colors.css")
HTML = {"Accept": "text/html"}


def statuses(client: Any, project: Any, paths: tuple[str, ...]) -> dict[str, int]:
    return {path: client.get(f"/projects/{project.id}{path}", headers=HTML).status_code for path in paths}


def test_it_works(client_for: Any, make_project: Any, alice: User) -> None:
    paths = LEADS_ONLY + MEMBERS
    assert statuses(client_for(alice), make_project(["One"]), paths) == dict.fromkeys(paths, 200)


def test_an_annotator_is_refused_the_leads_pages(client_for: Any, make_project: Any, bob: User) -> None:
    assert statuses(client_for(bob), make_project(["One"]), LEADS_ONLY) == dict.fromkeys(LEADS_ONLY, 403)


def test_an_annotator_sees_what_members_see(client_for: Any, make_project: Any, bob: User) -> None:
    assert statuses(client_for(bob), make_project(["One"]), MEMBERS) == dict.fromkeys(MEMBERS, 200)


def test_a_stranger_learns_nothing(client_for: Any, make_project: Any, charlie: User) -> None:
    project, client, paths = make_project(["One"], name="Secret name"), client_for(charlie), LEADS_ONLY + MEMBERS
    assert statuses(client, project, paths) == dict.fromkeys(paths, 404)
    assert "Secret name" not in client.get(f"/projects/{project.id}", headers=HTML).text


def test_nobody_is_sent_to_the_door_and_back(client_for: Any, make_project: Any) -> None:
    for path in ("/", "/account", f"/projects/{make_project(['One']).id}/label"):
        found = client_for(None).get(path, headers=HTML)
        assert found.status_code == 303
        assert found.headers["location"] == ("/sign-in" if path == "/" else f"/sign-in?next={path}")


def test_a_stranger_changes_nothing(client_for: Any, make_project: Any, charlie: User) -> None:
    project, client = make_project(["One"]), client_for(charlie)
    forms: dict[str, dict[str, str]] = {
        "/label": {"item_id": "1", "label_id": str(uuid4()), "answer": '{"class":"spam"}'},
        "/people": {"email": charlie.email, "role": "lead"},
        "/settings": {"name": "Mine now"},
        "/delete": {"confirm": "Mails"},
        "/round": {},
        "/round/cancel": {},
    }
    for path, form in forms.items():
        assert client.post(f"/projects/{project.id}{path}", data=form).status_code == 404


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
    paths = [f"/projects/{project.id}{path}" for path in (*LEADS_ONLY, "", "/label")]
    for path in [*paths, "/", "/projects/new", "/account", "/users", "/plugins", "/api/docs", "/sign-in"]:
        text = client.get(path, headers=HTML).text
        assert "<style" not in text, path
        assert " style=" not in text, path
        assert " onclick=" not in text, path
        assert all("src=" in tag.split(">")[0] for tag in text.split("<script")[1:]), path
