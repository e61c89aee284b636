"""Where requests come from: other sites' pages, other names, other proxies; and the headers that answers carry."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from app.models import User
from app.settings import current
from app.web.origin import is_foreign, is_known_host

ClientFor = Callable[..., TestClient]
OURS = "http://testserver"
FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver:81"},
    {"Origin": "http://sub.testserver"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver@evil.example"},
    {"Origin": "http://[broken"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OURS},
    {"Referer": "https://evil.example/page"},
    {"Authorization": "Basic Ym9iOng=", "Sec-Fetch-Site": "cross-site"},
]
OWN: list[dict[str, str]] = [
    {"Origin": OURS},
    {"Origin": "http://TESTSERVER"},
    {"Origin": "http://testserver:80"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OURS},
    {"Sec-Fetch-Site": "none"},
    {"Referer": f"{OURS}/projects/1"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_sites_page_changes_nothing(headers: dict[str, str]) -> None:
    assert is_foreign("POST", "http", Headers({"host": "testserver", **headers})) == (headers != {"Origin": ""})


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_our_own_pages_and_scripts_may(headers: dict[str, str]) -> None:
    assert not is_foreign("POST", "http", Headers({"host": "testserver", **headers}))


def test_over_https_a_page_that_came_in_the_clear_is_foreign() -> None:
    def foreign(scheme: str, origin: str) -> bool:
        return is_foreign("POST", scheme, Headers({"host": "label.example.org", "origin": origin}))

    assert foreign("https", "http://label.example.org")
    assert not foreign("https", "https://label.example.org")
    # A proxy that ends TLS and does not say so: the browser's origin is https, our connection is not.
    assert not foreign("http", "https://label.example.org")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_unsafe_method_is_checked_before_anything_is_looked_at(
    client_for: ClientFor, alice: User, method: str
) -> None:
    client = client_for(alice)
    for path in ("/api/v1/projects", "/api/v1/nowhere", "/sign-in", "/account/tokens", "/"):
        found = client.request(method, path, headers={"Origin": "https://evil.example"})
        assert found.status_code == 403, path
        assert "another site" in found.text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_token_is_no_browsers_doing(client_for: ClientFor, alice: User) -> None:
    script = client_for(alice, token=True)
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert script.post("/api/v1/tokens", json={}, headers=headers).status_code == 201


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_token_opens_no_page_even_with_a_cookie_beside_it(client_for: ClientFor, alice: User) -> None:
    script = client_for(alice, token=True)
    script.cookies.update(client_for(alice).cookies)
    assert script.get("/account").status_code == 401
    assert script.post("/account/tokens", data={"name": "x", "scope": "all"}).status_code == 401


@pytest.mark.parametrize(
    ("listening", "trusted", "host", "is_known"),
    [
        ("127.0.0.1", "", "localhost:8000", True),
        ("127.0.0.1", "", "127.0.0.1", True),
        ("127.0.0.1", "", "[::1]:8000", True),
        ("127.0.0.1", "", "evil.example:8000", False),  # a name of theirs that leads here
        ("127.0.0.1", "", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "label.example.org", "label.example.org", True),
        ("127.0.0.1", "label.example.org", "Label.Example.org.:443", True),
        ("0.0.0.0", "", "label.example.org", True),
        ("0.0.0.0", "label.example.org", "other.example.org", False),
        ("0.0.0.0", " .example.org , x.org", "a.b.example.org", True),
        ("0.0.0.0", ".example.org", "example.org.evil.example", False),
        ("0.0.0.0", "label.example.org", "localhost", True),  # a health check of the container's own
        ("0.0.0.0", "*", "anything", True),
        ("0.0.0.0", "", "evil.example/path", False),
        ("0.0.0.0", "", "user@evil.example", False),
        ("0.0.0.0", "", "evil example", False),
        ("0.0.0.0", "", "", False),
        ("0.0.0.0", "", "a" * 300, False),
    ],
)
def test_the_server_answers_to_its_names_only(
    listening: str, trusted: str, host: str, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARGINALIA_HOST", listening)
    monkeypatch.setenv("MARGINALIA_TRUSTED_HOSTS", trusted)
    current.cache_clear()
    assert is_known_host(host) == is_known
    current.cache_clear()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_unknown_name_is_refused_and_probes_are_not(client_for: ClientFor, database: Any) -> None:
    client = client_for(None)
    found = client.get("/api/v1/projects", headers={"Host": "evil.example"})
    assert (found.status_code, found.headers["content-type"]) == (400, "application/problem+json")
    assert "evil.example" not in found.text
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_whatever_a_route_says_its_headers_are_strict(client_for: ClientFor, alice: User) -> None:
    client = client_for(alice)
    for path in ("/", "/sign-in", "/nowhere", "/api/v1/me", "/api/v1/openapi.json", "/projects/99", "/healthz"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy, path
        assert "unsafe" not in policy, path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store", path
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_over_https_browsers_are_told_to_stay_there(client_for: ClientFor, database: Any) -> None:
    client = client_for(None)
    assert "max-age=" in client.get("https://testserver/healthz").headers["strict-transport-security"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_piece_of_an_answer_is_served(client_for: ClientFor, make_project: Any, alice: User) -> None:
    client, project = client_for(alice), make_project(["one", "two"])
    for asked in ("bytes=0-1", "bytes=-", "bytes=5-1", "bytes=99999-", "nonsense", "bytes=0-0,1-1,2-2"):
        found = client.get(f"/api/v1/projects/{project.id}/export?only=all", headers={"Range": asked, "If-Range": "x"})
        assert (found.status_code, found.headers["accept-ranges"]) == (200, "none")
        assert len(found.text.splitlines()) == 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_body_without_a_length_is_cut_off_too(client_for: ClientFor, alice: User) -> None:
    pieces = (b"x" * 2**16 for _ in range(40))
    found = client_for(alice).post("/api/v1/projects", content=pieces, headers={"Content-Type": "application/json"})
    assert found.status_code == 413
