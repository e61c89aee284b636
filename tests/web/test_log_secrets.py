"""Passwords, tokens, cookies and URLs with passwords: used in every way, and found nowhere in the log."""

import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import log, redact
from app.db import transaction
from app.models import User
from app.services import projects, users
from app.web.deps import COOKIE
from tests.conftest import NOW, PASSWORD

URL = "postgresql://marginalia:hunter2hunter2@db.example.org/x"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process logs, at its most talkative."""
    written = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", written)
        log.configure("debug", "json")
    yield written
    logging.getLogger().handlers.clear()
    log.configure("info", "json")


def test_whatever_goes_wrong_no_secret_is_in_the_log(
    client_for: Any, bob: User, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client_for(bob).app
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", logged)
        log.configure("debug", "json")
    client.post("/sign-in", data={"email": bob.email, "password": "a wrong one 4711"})
    cookie = client.post("/sign-in", data={"email": bob.email, "password": PASSWORD}).cookies[COOKIE]
    client.post(
        "/account/password", data={"old": "a wrong one 4711", "new": "brand new 0815", "again": "brand new 0815"}
    )
    with transaction() as db:
        key = users.create_token(db, bob.id, "t", "all", None, NOW)

    def broken(*_: Any) -> None:
        raise RuntimeError(f"Bearer {key}, {URL}, Cookie: {COOKIE}={cookie}; password={PASSWORD.replace(' ', '_')}")

    monkeypatch.setattr(projects, "list_projects", broken)
    found = client.get(f"/api/v1/projects?token={key}&password=brand", headers={"Authorization": f"Bearer {key}"})
    assert found.status_code == 500
    assert key not in found.text
    logging.getLogger("celery").warning("consumer: Cannot connect to %s", URL)
    client.close()
    text = logged.getvalue()
    assert "unforeseen error" in text  # the log was really written to
    for secret in (key, cookie, "hunter2hunter2", PASSWORD, PASSWORD.replace(" ", "_"), "4711", "0815"):
        assert secret not in text, secret


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Bearer mg_abcdefghijkl", "Bearer mg_[cut]"),
        (URL, "postgresql://marginalia:[cut]@db.example.org/x"),
        ("redis://:topsecret@h:6379/0", "redis://:[cut]@h:6379/0"),
        ("Authorization: Basic Ym9iOmJvYg==", "Authorization: Basic [cut]"),
        ('{"password": "abc", "x": 1}', '{"password": "[cut]", "x": 1}'),
        ("a=1&token=abc&b=2", "a=1&token=[cut]&b=2"),
        ("the token ended; a basic idea", "the token ended; a basic idea"),
        ("http://127.0.0.1:8000/x@y", "http://127.0.0.1:8000/x@y"),
    ],
)
def test_what_is_cut_and_what_stays(said: str, kept: str) -> None:
    assert redact.secrets(None, "", {"event": said, "more": [{"a": said}]}) == {"event": kept, "more": [{"a": kept}]}
