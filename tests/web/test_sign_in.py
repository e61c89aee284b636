"""Guessing passwords: slowed down in all processes together, telling nothing, and locking nobody out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.commands.running import _proxies
from app.db import transaction
from app.errors import TooManyTries
from app.models import FailedSignIn, KnownBrowser, SignIn, User
from app.services import tries, users
from app.settings import Settings
from app.web.deps import COOKIE, address_of
from app.web.pages.sign_in import BROWSER
from tests.conftest import NOW, PASSWORD

ClientFor = Callable[..., TestClient]


def tried(email: str, user_id: int | None, address: str = "10.0.0.1", browser: str = "", minutes: float = 0) -> bool:
    """Whether a try may be made; it fails."""
    try:
        with transaction() as db:
            tries.begin(db, email, user_id, address, browser, NOW + timedelta(minutes=minutes))
    except TooManyTries:
        return False
    return True


def test_ten_failures_from_one_address_and_no_more(bob: User) -> None:
    assert [tried(bob.email, bob.id) for _ in range(12)] == [True] * 10 + [False] * 2
    assert [tried(f" {bob.email.upper()}\x00", bob.id) for _ in range(2)] == [False] * 2
    assert tried(bob.email, bob.id, "10.0.0.2")
    assert not tried(bob.email, bob.id, minutes=14)
    assert tried(bob.email, bob.id, minutes=15.1)  # the refused tries were not counted


def test_an_address_without_an_account_is_refused_alike(bob: User) -> None:
    assert [tried("who@example.org", None) for _ in range(11)] == [True] * 10 + [False]


def test_an_address_that_tries_many_accounts_is_refused(bob: User) -> None:
    made = [tried(f"{number}@example.org", None) for number in range(tries.PER_ADDRESS + 1)]
    assert made == [True] * tries.PER_ADDRESS + [False]
    assert not tried(bob.email, bob.id)
    assert tried(bob.email, bob.id, "10.0.0.2")


def test_a_victim_signs_in_from_a_browser_of_theirs_whatever_others_do(bob: User) -> None:
    with transaction() as db:
        mine = tries.remember_browser(db, bob.id, "", NOW)
    made = [tried(bob.email, bob.id, f"10.0.{number}.1") for number in range(tries.PER_ACCOUNT + 1)]
    assert made == [True] * tries.PER_ACCOUNT + [False]
    assert not tried(bob.email, bob.id, "10.9.9.9")
    assert not tried(bob.email, bob.id, "10.9.9.9", browser="made up")
    assert [tried(bob.email, bob.id, "10.9.9.9", browser=mine) for _ in range(11)] == [True] * 10 + [False]


def test_a_browser_of_somebody_else_counts_as_unknown(alice: User, bob: User) -> None:
    with transaction() as db:
        theirs = tries.remember_browser(db, alice.id, "", NOW)
    made = [tried(bob.email, bob.id, browser=theirs) for _ in range(11)]
    assert made == [True] * 10 + [False]


def test_success_forgets_the_failures_of_this_person_here(bob: User) -> None:
    for _ in range(9):
        tried(bob.email, bob.id)
    tried("who@example.org", None)
    with transaction() as db:
        tries.succeed(db, tries.begin(db, bob.email, bob.id, "10.0.0.1", "", NOW))
    assert [tried(bob.email, bob.id) for _ in range(11)] == [True] * 10 + [False]


def test_fifty_tries_at_once_are_ten(bob: User) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: tried(bob.email, bob.id), range(50)))
    assert sum(made) == 10


def test_a_person_has_so_many_known_browsers_and_no_more(bob: User) -> None:
    with transaction() as db:
        keys = [tries.remember_browser(db, bob.id, "", NOW + timedelta(hours=n)) for n in range(25)]
        assert tries.remember_browser(db, bob.id, keys[-1], NOW + timedelta(days=2)) == keys[-1]
        assert db.query(KnownBrowser).count() == tries.KNOWN_BROWSERS
        tries.forget(db, NOW + timedelta(days=400))
        assert db.query(KnownBrowser).count() == 0


def test_the_form_says_the_same_of_everybody(client_for: ClientFor, bob: User) -> None:
    client = client_for(None)
    for expected in [401] * 10 + [429]:
        pages = []
        for email in (bob.email, "who@example.org"):
            found = client.post("/sign-in", data={"email": email, "password": "wrong wrong"})
            assert found.status_code == expected
            pages.append(found.text.replace(email, "EMAIL"))
        assert pages[0] == pages[1]
    right = client.post("/sign-in", data={"email": bob.email, "password": PASSWORD})
    assert right.status_code == 429


def test_an_unknown_address_costs_a_hash_too(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    hasher = users._hasher

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            checked.append(kept)
            return hasher.verify(kept, password)

    with transaction() as db:
        known, nobody = users.look_up(db, bob.email), users.look_up(db, "who@example.org")
    monkeypatch.setattr(users, "_hasher", Counting())
    assert users.is_password(known, PASSWORD)
    assert not users.is_password(known, "wrong wrong")
    assert not users.is_password(nobody, "wrong wrong")
    assert len(checked) == 3


def test_signing_in_makes_a_new_key_and_ends_the_one_before(client_for: ClientFor, bob: User) -> None:
    client = client_for(None)
    client.cookies.set(COOKIE, "planted-by-somebody")
    form = {"email": bob.email, "password": PASSWORD}
    first = client.post("/sign-in", data=form).cookies[COOKIE]
    assert first != "planted-by-somebody"
    again = TestClient(client.app, follow_redirects=False, cookies={COOKIE: first})
    sent = again.post("/sign-in", data=form)
    assert sent.cookies[COOKIE] not in (first, "planted-by-somebody")
    old = TestClient(client.app, follow_redirects=False, cookies={COOKIE: first})
    assert old.get("/api/v1/me").status_code == 401
    again.close()
    old.close()


def test_cookies_are_for_this_site_and_no_script(client_for: ClientFor, bob: User) -> None:
    form = {"email": bob.email, "password": PASSWORD}
    for address, is_secure in (("http://testserver", False), ("https://testserver", True)):
        sent = client_for(None).post(f"{address}/sign-in", data=form).headers.get_list("set-cookie")
        assert [cookie.split("=")[0] for cookie in sent] == [COOKIE, BROWSER]
        for cookie in sent:
            assert "httponly" in cookie.lower()
            assert "samesite=lax" in cookie.lower()
            assert "domain=" not in cookie.lower()
            assert ("secure" in cookie.lower()) == is_secure


def test_a_sign_in_ends_by_itself(client_for: ClientFor, bob: User) -> None:
    client = client_for(bob)
    assert client.get("/api/v1/me").status_code == 200
    with transaction() as db:
        db.query(SignIn).update({SignIn.ends_at: NOW - timedelta(seconds=1)})
    assert client.get("/api/v1/me").status_code == 401


def test_the_present_password_cannot_be_guessed_from_a_browser_left_open(client_for: ClientFor, bob: User) -> None:
    client = client_for(bob)
    form = {"old": "wrong wrong", "new": "another good one", "again": "another good one"}
    assert [client.post("/account/password", data=form).status_code for _ in range(11)] == [422] * 10 + [429]


def test_strange_forms_are_refused_and_never_an_error(client_for: ClientFor, bob: User) -> None:
    client = client_for(None)
    long = "x" * 100_000
    for email, password in (("a\x00@b", "x"), (long, long), ("", ""), ("\ud7ff@\uffff", "\x00"), ("'--", '"')):
        assert client.post("/sign-in", data={"email": email, "password": password}).status_code == 401
    assert client.post("/sign-in", files={"email": ("a", b"b"), "password": ("c", b"d")}).status_code == 400
    assert client.post("/sign-in", content=b"%00%ff=%", headers={"Content-Type": "text/plain"}).status_code == 401


class _From:
    def __init__(self, host: str) -> None:
        self.client: Any = type("client", (), {"host": host})


def test_an_ipv6_network_is_one_address() -> None:
    assert address_of(_From("2001:db8:1:2:aaaa::1")) == address_of(_From("2001:db8:1:2:bbbb::2")) == "2001:db8:1:2::"
    assert address_of(_From("192.0.2.7")) == "192.0.2.7"
    assert address_of(_From("testclient")) == "testclient"


def test_an_address_that_a_header_names_counts_from_a_trusted_proxy_only(
    client_for: ClientFor, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, headers = client_for(None).app, {"X-Forwarded-For": "192.0.2.1, 192.0.2.7"}
    assert _proxies(Settings()) == {"proxy_headers": False, "forwarded_allow_ips": ""}
    monkeypatch.setenv("MARGINALIA_TRUSTED_PROXIES", "10.0.0.1")
    trusted = str(_proxies(Settings())["forwarded_allow_ips"])
    for proxy, counted in (("10.0.0.1", "192.0.2.7"), ("10.0.0.2", "10.0.0.2")):
        behind = TestClient(ProxyHeadersMiddleware(app, trusted_hosts=trusted), client=(proxy, 4711))
        behind.post("/sign-in", data={"email": bob.email, "password": "wrong wrong"}, headers=headers)
        with transaction() as db:
            assert [one.address for one in db.query(FailedSignIn)] == [counted]
            db.query(FailedSignIn).delete()
        behind.close()
