"""What changes under somebody's hands: a member or a lead is removed, a project deleted, a sign-in ended."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient

from app.db import reading, transaction
from app.errors import Conflict
from app.models import Label, Member, Project, User
from app.services import projects, users
from app.web.api import rounds
from tests.conftest import MakeProject

ClientFor = Callable[..., TestClient]


def answer(client: TestClient, item: int) -> int:
    sent = {"id": str(uuid4()), "answer": {"class": "spam"}}
    return client.post(f"/api/v1/items/{item}/labels", json=sent).status_code


def held(client: TestClient, project: int) -> int:
    found: int = client.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    return found


def test_whoever_is_removed_while_labelling_is_a_stranger_from_then_on(
    client_for: ClientFor, make_project: MakeProject, alice: User, bob: User
) -> None:
    project, client = make_project(["a", "b"]).id, client_for(bob)
    item = held(client, project)
    assert answer(client, item) == 201
    assert client_for(alice).delete(f"/api/v1/projects/{project}/members/{bob.id}").status_code == 204
    assert answer(client, item) == 404
    assert client.get(f"/api/v1/projects/{project}/next").status_code == 404
    assert client.get(f"/projects/{project}/label", headers={"Accept": "text/html"}).status_code == 404
    with reading() as db:
        assert db.query(Label).count() == 1  # what was said before stays


def test_two_leads_who_remove_each_other_at_once_leave_one(
    make_project: MakeProject, alice: User, bob: User, charlie: User
) -> None:
    made = make_project(members={bob.email: "lead", charlie.email: "lead"})
    with transaction() as db:
        projects.remove_member(db, db.get_one(Project, made.id), alice.id)

    def remove(user: User) -> bool:
        try:
            with transaction() as db:
                projects.remove_member(db, db.get_one(Project, made.id), user.id)
        except Conflict:
            return False
        return True

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(remove, (bob, charlie))) == [False, True]
        with transaction() as db:
            assert db.query(Member).filter_by(project_id=made.id, role="lead").count() == 1
            for email in (bob.email, charlie.email):
                projects.add_member(db, db.get_one(Project, made.id), email, "lead", datetime.now(UTC))


def test_a_page_of_a_deleted_project_finds_nothing_and_breaks_nothing(
    client_for: ClientFor, make_project: MakeProject, alice: User, bob: User
) -> None:
    project, client = make_project(["a", "b"]).id, client_for(bob)
    item = held(client, project)
    assert client_for(alice).delete(f"/api/v1/projects/{project}").status_code == 204
    assert answer(client, item) == 404
    assert client.post(f"/api/v1/items/{item}/skip", json={}).status_code == 404
    form = {"item_id": str(item), "label_id": str(uuid4()), "answer": '{"class":"spam"}'}
    assert client.post(f"/projects/{project}/label", data=form).status_code == 404
    assert client.post("/api/v1/leases/renew", json={"ids": [1]}).json() == {"leases": []}


def test_answers_and_skips_while_the_project_is_deleted_are_never_an_error(
    client_for: ClientFor, make_project: MakeProject, alice: User, bob: User
) -> None:
    project, client = make_project([f"text {number}" for number in range(40)]).id, client_for(bob)
    lead = client_for(alice)
    items = [one["item"]["id"] for one in client.get(f"/api/v1/projects/{project}/next?n=20").json()["items"]]

    def act(number: int) -> int:
        if number == 5:
            return lead.delete(f"/api/v1/projects/{project}").status_code
        if number % 2:
            return answer(client, items[number])
        return client.post(f"/api/v1/items/{items[number]}/skip", json={}).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(act, range(20)))
    assert codes[5] == 204
    assert set(codes) <= {201, 204, 404, 409}


def test_the_stream_of_events_ends_with_the_sign_in(
    client_for: ClientFor, make_project: MakeProject, alice: User, monkeypatch: Any
) -> None:
    monkeypatch.setattr(rounds, "EVENT_SECONDS", 0.01)
    project, client = make_project(["a"]).id, client_for(alice)
    real, seen = rounds.state, []

    def looked(*args: Any) -> Any:
        seen.append(args)
        if len(seen) == 3:  # meanwhile the password is changed in another browser
            with transaction() as db:
                users.set_password(db, alice.id, users.hash_password("another good one"))
        return real(*args)

    monkeypatch.setattr(rounds, "state", looked)
    text = client.get(f"/api/v1/projects/{project}/events").text
    assert text.startswith("event: progress")
    assert text.endswith("event: end\ndata: {}\n\n")
