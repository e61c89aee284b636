"""JSON that can be read in two ways, or not be kept, is refused with the reason; everything else is read as sent."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.models import User
from app.web.strict_json import NotStrict, parse

ClientFor = Callable[..., TestClient]
REFUSED: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"NaN", "not JSON"),
    (b'{"a": Infinity}', "not JSON"),
    (b'{"a": 1e999}', "not JSON"),
    (b'{"a": -1e999}', "not JSON"),
    (b'{"a": "\\ud800"}', "not JSON"),
    (b'{"\\udfff": 1}', "not JSON"),
    (b'{"a": "\xff"}', "not JSON"),
    (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
    ('{"a": 1}'.encode("utf-16"), "not JSON"),
    (b"{'a': 1}", "not JSON"),
    (b'{"a": 1,}', "not JSON"),
    (b'{"a": 1} x', "not JSON"),
    (b'{"a": "b', "not JSON"),
    (b'{"a": 1, "a": 1}', "names 'a' twice"),
    (b'[{"b": {"a": 1, "c": 2, "a": 3}}]', "names 'a' twice"),
    (b'{"a": 9223372036854775808}', "beyond 64 bits"),
    (b'{"a": -9223372036854775809}', "beyond 64 bits"),
    (b'{"a": ' + b"9" * 300 + b"}", "beyond 64 bits"),
    (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    (b'{"a": "\\u0000"}', "NUL"),
    (b'{"\\u0000": 1}', "NUL"),
    (b"[" * 70 + b"]" * 70, "levels"),
    (b"[" * 100_000, "not JSON"),
    (b"[" * 5000 + b"]" * 5000, "not JSON"),
]
KEPT: list[tuple[bytes, Any]] = [
    (b"{}", {}),
    (b'{"a": 9223372036854775807, "b": -9223372036854775808}', {"a": 2**63 - 1, "b": -(2**63)}),
    (b'[{"a": 1}, {"a": 1.5e3}]', [{"a": 1}, {"a": 1500.0}]),
    (b'"\\ud83d\\ude00"', "\U0001f600"),
    (b"[" * 60 + b"]" * 60, None),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_it_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(NotStrict, match=reason):
        parse(body)


@pytest.mark.parametrize(("body", "value"), KEPT, ids=range(len(KEPT)))
def test_it_is_read(body: bytes, value: Any) -> None:
    found = parse(body)
    assert value is None or found == value


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("body", "reason"), REFUSED[1:], ids=range(1, len(REFUSED)))
def test_the_api_says_why(client_for: ClientFor, alice: User, body: bytes, reason: str) -> None:
    found = client_for(alice).post("/api/v1/projects", content=body, headers={"Content-Type": "application/json"})
    assert (found.status_code, found.headers["content-type"]) == (422, "application/problem+json")
    assert reason in found.json()["detail"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "", "application/" + "x" * 3000, "a;b;c", "\x7f/\x7f"]
)
def test_a_body_of_another_kind_is_refused(client_for: ClientFor, alice: User, kind: str) -> None:
    found = client_for(alice).post("/api/v1/tokens", content=b'{"name": "x"}', headers={"Content-Type": kind})
    assert found.status_code == 422


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("path", "allowed"), [("/api/v1/projects", "GET, POST"), ("/api/v1/me", "GET"), ("/api/v1/leases/3", "DELETE")]
)
def test_a_wrong_method_is_told_the_right_ones(client_for: ClientFor, alice: User, path: str, allowed: str) -> None:
    found = client_for(alice).request("PROPFIND", path)
    assert (found.status_code, found.headers["allow"]) == (405, allowed)
    assert found.headers["content-type"] == "application/problem+json"
