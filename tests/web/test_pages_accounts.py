"""Signing in and out, passwords, tokens, accounts."""

import re
from typing import Any

import pytest

from app.models import User
from app.web.pages.forms import local_path
from tests.conftest import PASSWORD

HTML = {"Accept": "text/html"}


def test_it_works(client_for: Any, bob: User) -> None:
    client = client_for(None)
    assert client.get("/sign-in").status_code == 200
    sent = client.post("/sign-in", data={"email": "BOB@example.org", "password": PASSWORD, "next": "/account"})
    assert sent.headers["location"] == "/account"
    assert "httponly" in sent.headers["set-cookie"].lower()
    assert "samesite=lax" in sent.headers["set-cookie"].lower()
    assert bob.email in client.get("/account").text
    client.post("/sign-out")
    assert client.get("/account", headers=HTML).status_code == 303


def test_a_wrong_password_says_no_more_than_that(client_for: Any, bob: User) -> None:
    client = client_for(None)
    wrong = client.post("/sign-in", data={"email": bob.email, "password": "wrong wrong"})
    unknown = client.post("/sign-in", data={"email": "who@example.org", "password": "wrong wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(bob.email, "") == unknown.text.replace("who@example.org", "")


def test_guessing_is_slowed_down(client_for: Any, bob: User) -> None:
    client = client_for(None)
    codes = [client.post("/sign-in", data={"email": bob.email, "password": "x"}).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "", "/a\nb", "/x\\y"]
)
def test_a_sign_in_leads_nowhere_else(path: str) -> None:
    assert local_path(path) == "/"


def test_a_local_path_is_kept_with_its_query() -> None:
    assert local_path("/projects/3/label?item=4") == "/projects/3/label?item=4"


def test_a_token_is_shown_once_and_can_be_revoked(client_for: Any, bob: User) -> None:
    client = client_for(bob)
    made = client.post("/account/tokens", data={"name": "script", "scope": "read", "days": "30"}).text
    found = re.search(r"data-token>(mg_[\w-]+)<", made)
    assert found
    assert found[1] not in client.get("/account").text
    script = client_for(None)
    script.headers["Authorization"] = f"Bearer {found[1]}"
    assert script.get("/api/v1/me").status_code == 200
    number = re.search(r"/account/tokens/(\d+)/delete", client.get("/account").text)
    assert number
    client.post(f"/account/tokens/{number[1]}/delete")
    assert script.get("/api/v1/me").status_code == 401


def test_a_new_password_signs_every_browser_out(client_for: Any, bob: User) -> None:
    client, other = client_for(bob), client_for(bob)
    form = {"old": PASSWORD, "new": "another good one", "again": "another good one"}
    assert client.post("/account/password", data={**form, "again": "typo typo"}).status_code == 422
    assert client.post("/account/password", data={**form, "old": "wrong"}).status_code == 422
    assert other.get("/account").status_code == 200
    assert client.post("/account/password", data=form).status_code == 303
    assert other.get("/account", headers=HTML).status_code == 303


def test_admins_make_accounts_and_others_do_not(client_for: Any, alice: User, bob: User) -> None:
    form = {"email": "dora@example.org", "name": "Dora", "password": "long enough"}
    assert client_for(bob).post("/users", data=form, headers=HTML).status_code == 403
    assert client_for(bob).get("/users", headers=HTML).status_code == 403
    admin = client_for(alice)
    assert admin.post("/users", data={**form, "password": "short"}).status_code == 422
    assert admin.post("/users", data=form).status_code == 303
    assert "dora@example.org" in admin.get("/users").text
    assert admin.post("/users", data=form).status_code == 409
