"""The short way and the routes give the same answers, to what is usual and to what is not."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.models import User
from app.web import short
from app.web.main import make_app
from app.web.short import Short
from tests.conftest import MakeProject

ClientFor = Callable[..., TestClient]
VOLATILE = {"request_id", "ends_at", "created_at", "id"}


def without_the_short_way() -> FastAPI:
    app = make_app()
    app.user_middleware = [each for each in app.user_middleware if each.cls is not Short]
    return app


def stable(found: Any) -> Any:
    """Without what differs from one request to the next."""
    if isinstance(found, dict):
        return {name: stable(value) for name, value in found.items() if name not in VOLATILE}
    return [stable(each) for each in found] if isinstance(found, list) else found


def both(client: TestClient, method: str, path: str, **sent: Any) -> tuple[int, Any]:
    """What the short way answers, after it was found to be what the route answers."""
    told = []
    for app in (client.app, without_the_short_way()):
        with_key = TestClient(app, base_url="http://testserver", headers=client.headers, cookies=client.cookies)
        response = with_key.request(method, path, **sent)
        headers = {name for name in response.headers if name != "x-request-id"}
        told.append((response.status_code, stable(response.json()), headers, response.headers["cache-control"]))
    assert told[0] == told[1]
    return told[0][0], told[0][1]


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("?n=1", 200), ("?n=2", 200), ("?n=50", 200), ("?n=51", 422), ("?n=0", 422), ("?n=01", 200),
     ("?n=", 422), ("?n=x", 422), ("?n=1&n=2", 200), ("?other=1", 200), ("?then_next=3", 200), ("?n=1%00", 422)],
)  # fmt: skip
@pytest.mark.parametrize("token", [True, False])
def test_the_next_item(
    client_for: ClientFor, make_project: MakeProject, bob: User, query: str, status: int, token: bool
) -> None:
    project, client = make_project(["a", "b", "c"]).id, client_for(bob, token)
    assert both(client, "GET", f"/api/v1/projects/{project}/next{query}")[0] == status


@pytest.mark.parametrize("number", ["0", "-1", "007", "1.0", "x", "9" * 18, "9" * 19, "9" * 30])
def test_numbers_that_name_nothing(client_for: ClientFor, bob: User, number: str) -> None:
    sent = {"id": str(uuid4()), "answer": {"class": "spam"}}
    assert both(client_for(bob), "GET", f"/api/v1/projects/{number}/next")[0] in (404, 422)
    assert both(client_for(bob), "POST", f"/api/v1/items/{number}/labels", json=sent)[0] in (404, 422)


def test_strangers_and_bad_keys(client_for: ClientFor, make_project: MakeProject, charlie: User) -> None:
    project = make_project(["a"]).id
    for client, status in ((client_for(None), 401), (client_for(charlie), 404)):
        assert both(client, "GET", f"/api/v1/projects/{project}/next")[0] == status
        assert both(client, "POST", "/api/v1/items/1/labels", json={"id": str(uuid4()), "answer": {}})[0] in (401, 404)
    client = client_for(None)
    client.headers["Authorization"] = "Bearer wrong"
    assert both(client, "GET", f"/api/v1/projects/{project}/next")[0] == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"{", 422), (b"[]", 422), (b"{}", 422), (b'{"id": 1, "answer": {"class": "spam"}}', 422),
     (b'{"id": "ID", "answer": {"class": "neither"}}', 422), (b'{"id": "ID", "answer": {"class": "spam"}}', 201),
     (b'{"id": "ID", "id": "ID", "answer": {"class": "spam"}}', 422), (b'{"id": "ID", "answer": NaN}', 422),
     (b'{"id": "ID", "answer": {"class": "spam"}, "more": 1}', 422), (b" " * 2_200_000, 413)],
)  # fmt: skip
def test_an_answer(
    client_for: ClientFor, make_project: MakeProject, bob: User, body: bytes, status: int
) -> None:  # fmt: skip
    project, client = make_project(["a", "b"]).id, client_for(bob)
    item = client.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    sent = body.replace(b"ID", str(uuid4()).encode())
    path, given = f"/api/v1/items/{item}/labels", {"content": sent, "headers": {"Content-Type": "application/json"}}
    if status == 201:  # the second of the two finds what the first has stored
        assert client.post(path, **given).status_code == 201
        status = 200
    assert both(client, "POST", path, **given)[0] == status


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8", "application/vnd.a+json", ""])
def test_an_answer_of_another_media_type(
    client_for: ClientFor, make_project: MakeProject, bob: User, kind: str
) -> None:
    project, client = make_project(["a", "b"]).id, client_for(bob)
    item = client.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    sent = b'{"id": "%s", "answer": {"class": "spam"}}' % str(uuid4()).encode()
    path, given = f"/api/v1/items/{item}/labels", {"content": sent, "headers": {"Content-Type": kind}}
    client.post(path, **given)
    assert both(client, "POST", path, **given)[0] == (200 if "json" in kind else 422)


def test_other_methods_and_then_next(client_for: ClientFor, make_project: MakeProject, bob: User) -> None:
    project, client = make_project(["a", "b", "c"]).id, client_for(bob)
    assert both(client, "POST", f"/api/v1/projects/{project}/next")[0] == 405
    assert both(client, "GET", "/api/v1/items/1/labels")[0] == 405
    item = client.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    sent = {"id": str(uuid4()), "answer": {"class": "spam"}}
    client.post(f"/api/v1/items/{item}/labels", json=sent)
    for query, status in (("then_next=2", 200), ("then_next=0", 200), ("then_next=51", 422), ("n=1", 200)):
        assert both(client, "POST", f"/api/v1/items/{item}/labels?{query}", json=sent)[0] == status


def test_the_short_way_is_taken_and_counted_under_its_route(
    client_for: ClientFor, make_project: MakeProject, bob: User
) -> None:
    """A route that is renamed must be renamed there, too, or all go the long way again."""
    paths = make_app().openapi()["paths"]
    assert "get" in paths[short.NEXT.path]
    assert "post" in paths[short.LABELS.path]
    scopes: list[Any] = []

    async def router(scope: Any, _receive: Any, _send: Any) -> None:
        scopes.append(scope)

    project = make_project(["a"]).id
    client = TestClient(Short(router), cookies=client_for(bob).cookies)
    with pytest.raises(AssertionError):  # a router that answers nothing is the test client's error
        client.get(f"/api/v1/projects/{project}/queue")
    assert [scope["path"] for scope in scopes] == [f"/api/v1/projects/{project}/queue"]
    assert client.get(f"/api/v1/projects/{project}/next").json()["items"]
    assert len(scopes) == 1
