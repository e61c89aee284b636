"""The application as a process: what it imports, and what it says when something breaks."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.models import User
from app.services import projects

ClientFor = Callable[..., TestClient]


def test_the_web_process_never_imports_torch() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, app.web.main; from app.core import plugins;"
            "[plugins.describe(room) for room in plugins.ROOMS];"
            "print([name for name in ('torch', 'transformers', 'PIL.Image') if name in sys.modules])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "torch" not in told.stdout
    assert "transformers" not in told.stdout


def test_an_unforeseen_error_is_a_500_that_tells_nothing(
    client_for: ClientFor, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the password is hunter2")

    client = TestClient(client_for(alice).app, raise_server_exceptions=False, cookies=client_for(alice).cookies)
    monkeypatch.setattr(projects, "list_projects", broken)
    response = client.get("/api/v1/projects")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in response.text
    client.close()


def test_a_body_that_is_too_large_is_refused(client_for: ClientFor, alice: User) -> None:
    response = client_for(alice).post("/api/v1/projects", content=b"x" * (2 * 2**20 + 1))
    assert response.status_code == 413


def test_a_page_for_people_and_json_for_programs(client_for: ClientFor, alice: User) -> None:
    client = client_for(alice)
    assert "text/html" in client.get("/nowhere", headers={"Accept": "text/html"}).headers["content-type"]
    assert client.get("/api/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_and_back(client_for: ClientFor, database: Any) -> None:
    response = client_for(None).get("/projects/1?tab=x", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in?next=/projects/1%3Ftab%3Dx")
