"""Script in every field, in a real browser: nothing runs, and no page of ours asks for what its policy forbids."""

from typing import Any

import pytest

from app.db import transaction
from app.models import User
from app.services import projects, users
from tests.conftest import NOW, add_items

RUN = "window.ran = 1"
BAIT = f"""'"--></style></script><script>{RUN}</script><img src=x onerror="{RUN}"><svg onload="{RUN}">"""
PAGES = ("", "/label", "/items", "/people", "/settings", "/export", "/simulate", "/upload")


@pytest.fixture
def baited(alice: User, bob: User) -> int:
    with transaction() as db:
        wanted = {
            "name": BAIT, "modality": "text", "guidelines": f"{BAIT}\n\n[x](javascript:window.ran=1)",
            "task": {"kind": "classification", "classes": [{"name": f"{BAIT}{k}"} for k in range(2)]},
        }  # fmt: skip
        project = projects.create_project(db, users.caller(alice), wanted, NOW)
        projects.add_member(db, project, bob.email, "annotator", NOW)
        add_items(db, project, [f"{BAIT} {k}" for k in range(5)])
        return project.id


def test_no_script_runs_and_the_policy_is_kept(visit: Any, alice: User, baited: int) -> None:
    forbidden: list[str] = []
    page = visit(alice, "/")
    page.on("console", lambda message: forbidden.append(message.text) if "Content Security" in message.text else None)
    page.on("dialog", lambda dialog: forbidden.append(dialog.message))
    base = page.url.rstrip("/")
    addresses = [f"/projects/{baited}{path}" for path in PAGES]
    for path in [*addresses, "/", "/account", "/users", "/plugins", "/projects/new", "/api/docs"]:
        page.goto(base + path, wait_until="load")
        page.wait_for_timeout(250)  # what scripts draw after the page has come
        assert page.evaluate("window.ran") is None, path
        assert forbidden == [], path
    page.goto(f"{base}/projects/{baited}/label")
    page.keyboard.press("1")  # the next item is drawn by the script
    page.wait_for_timeout(500)
    assert "window.ran" in page.inner_text("body")  # shown, as text
    assert page.evaluate("window.ran") is None
