"""What strangers send: never a 500, and what was taken can be listed and exported again."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from app.models import User
from tests.conftest import MakeProject

ClientFor = Callable[..., TestClient]
PROJECT = '{"name": "x", "modality": "text", "task": {"kind": "classification", "classes": ["a", "b"]}'
ID = "00000000-0000-0000-0000-000000000001"
REQUESTS = [
    ("POST", "/api/v1/projects", PROJECT.replace('"x"', r'"\ud800"') + "}"),
    ("POST", "/api/v1/projects", PROJECT + r', "recipe": {"strategy": {"name": "\ud800"}}}'),
    ("POST", "/api/v1/projects", PROJECT + r', "recipe": {"strategy": {"name": "margin", "\ud800": 1}}}'),
    ("POST", "/api/v1/projects", PROJECT + ', "recipe": {"queue_size": 1e400}}'),
    ("POST", "/api/v1/projects", PROJECT.replace("classification", "../../x") + "}"),
    ("POST", "/api/v1/projects", r'{"\ud800": "x"}'),
    ("POST", "/api/v1/projects", '{"name": "x", "modality": "text", "task": {"kind": ["x"], "classes": {}}}'),
    ("POST", "/api/v1/projects", "[" * 100_000),
    ("POST", "/api/v1/items/{item}/labels", f'{{"id": "{ID}", "answer": {{"class": "\\ud800"}}}}'),
    ("POST", "/api/v1/items/{item}/labels", f'{{"id": "{ID}", "answer": {{"\\ud800": 1}}}}'),
    ("POST", "/api/v1/items/{item}/skip", r'{"reason": "\ud800"}'),
    ("POST", "/api/v1/items/{item}/skip", r'{"reason": "a\u0000b"}'),
    ("PATCH", "/api/v1/projects/{project}", r'{"guidelines": "\ud800"}'),
    ("PATCH", "/api/v1/projects/{project}", '{"task": 5}'),
    ("PATCH", "/api/v1/projects/{project}", '{"recipe": {"votes_wanted": 0}}'),
    ("POST", "/api/v1/projects/{project}/members", r'{"email": "\ud800@x.y", "role": "lead"}'),
    ("POST", "/api/v1/users", r'{"email": "a\u0000@x.y", "password": "12345678"}'),
    ("POST", "/api/v1/users", r'{"email": "ok@x.y", "name": "a\u0000", "password": "12345678"}'),
    ("POST", "/api/v1/tokens", r'{"name": "a\u0000"}'),
    ("POST", "/api/v1/leases/renew", '{"ids": [9999999999999999999999]}'),
    ("GET", "/api/v1/projects/{project}/export?since=0001-01-01T00:00:00%2B14:00", ""),
    ("GET", "/api/v1/projects/{project}/export?format=..%2Fx", ""),
    ("GET", "/api/v1/projects/{project}/export?class=%00", ""),
    ("GET", "/projects/99999999999999999999999", ""),
]
LINES = [
    r'{"text": "a\u0000b"}',
    r'{"text": "\ud800"}',
    '{"text": "x", "m": 1e999}',
    '{"text": "x", "m": 123456789012345678901234567890}',
    r'{"text": "x", "external_id": "\u0000"}',
    r'{"text": "x", "\u0000": 1}',
    r'{"text": "x", "n": {"a": [[[["\ud800"]]]]}}',
]


def outside(client: TestClient) -> TestClient:
    """The same person, seeing a 500 as a client does."""
    return TestClient(client.app, raise_server_exceptions=False, cookies=client.cookies)


@pytest.mark.parametrize("number", range(len(REQUESTS)))
def test_no_request_is_a_500(client_for: ClientFor, make_project: MakeProject, alice: User, number: int) -> None:
    method, path, body = REQUESTS[number]
    project = make_project(["a"]).id
    client = outside(client_for(alice))
    item = client.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    headers = {"Content-Type": "application/json"}
    address = path.format(project=project, item=item)
    response = client.request(method, address, content=body.encode(), headers=headers)
    assert response.status_code < 500, response.text
    client.close()


@pytest.mark.parametrize("line", LINES)
def test_no_line_breaks_the_upload_or_the_export(
    client_for: ClientFor, make_project: MakeProject, alice: User, line: str
) -> None:
    base = f"/api/v1/projects/{make_project([]).id}"
    client = outside(client_for(alice))
    headers = {"Content-Type": "application/x-ndjson"}
    assert client.post(f"{base}/items", content=line.encode() + b"\n", headers=headers).status_code in (201, 422)
    for path in ("/items", "/export?only=all", "/export?only=all&format=parquet", "/export?only=all&format=csv"):
        assert client.get(base + path).status_code == 200
    client.close()


def test_a_setting_outside_its_bounds_is_refused_when_it_is_saved(
    client_for: ClientFor, make_project: MakeProject, alice: User
) -> None:
    """Not in the round, where nobody looks."""
    address = f"/api/v1/projects/{make_project().id}"
    recipe = {"recipe": {"strategy": {"name": "power", "score": "nothing"}}}
    refused = client_for(alice).patch(address, json=recipe)
    assert refused.status_code == 422
    assert "power: score must be one of bald, entropy, least_confidence" in refused.text
    recipe["recipe"]["strategy"] = {"name": "power", "score": "entropy"}
    assert client_for(alice).patch(address, json=recipe).status_code == 200
