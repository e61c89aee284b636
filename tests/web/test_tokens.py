"""API tokens: what each scope may, when they end, and where they never appear."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from fastapi.testclient import TestClient

from app.db import transaction
from app.models import Token, User
from app.services import users

ClientFor = Callable[..., TestClient]


def script(client_for: ClientFor, user: User, scope: str, days: int | None = None) -> tuple[TestClient, str]:
    client = client_for(None)
    with transaction() as db:
        key = users.create_token(db, user.id, "t", scope, days, datetime.now(UTC))
    client.headers["Authorization"] = f"Bearer {key}"
    return client, key


def test_a_narrow_token_makes_and_revokes_none(client_for: ClientFor, alice: User) -> None:
    for scope in ("read", "annotate"):
        client, _ = script(client_for, alice, scope)
        assert client.get("/api/v1/tokens").status_code == 200
        number = client.get("/api/v1/tokens").json()["tokens"][0]["id"]
        assert client.post("/api/v1/tokens", json={"scope": scope}).status_code == 403
        assert client.delete(f"/api/v1/tokens/{number}").status_code == 403


def test_no_token_makes_one_that_outlives_it(client_for: ClientFor, alice: User) -> None:
    client, _ = script(client_for, alice, "all", days=2)
    for days in (None, 1, 3000):
        assert client.post("/api/v1/tokens", json={"days": days}).status_code == 201
    with transaction() as db:
        ends = sorted(round((token.ends_at - datetime.now(UTC)).total_seconds() / 86400) for token in db.query(Token))
    assert ends == [1, 2, 2, 2]


def test_it_ends_and_can_be_revoked_and_goes_with_its_owner(client_for: ClientFor, bob: User) -> None:
    client, _ = script(client_for, bob, "all", days=1)
    assert client.get("/api/v1/me").status_code == 200
    with transaction() as db:
        db.query(Token).update({Token.ends_at: datetime.now(UTC) - timedelta(seconds=1)})
    assert client.get("/api/v1/me").status_code == 401
    other, _ = script(client_for, bob, "all")
    assert other.get("/api/v1/me").status_code == 200
    with transaction() as db:
        db.query(User).filter(User.id == bob.id).update({User.is_active: False})
    assert other.get("/api/v1/me").status_code == 401


def test_only_its_hash_is_kept_and_it_is_never_shown_again(client_for: ClientFor, bob: User) -> None:
    client, key = script(client_for, bob, "all")
    with transaction() as db:
        kept = db.query(Token).one()
        assert kept.key_hash == sha256(key.encode()).digest()
        assert key not in repr(vars(kept))
    assert key not in client.get("/api/v1/tokens").text
    assert "key" not in client.get("/api/v1/tokens").json()["tokens"][0]


def test_it_is_taken_from_the_header_and_from_nowhere_else(client_for: ClientFor, bob: User) -> None:
    _, key = script(client_for, bob, "all")
    nobody = client_for(None)
    for query in ("token", "access_token", "api_key", "key", "authorization", "Authorization"):
        assert nobody.get("/api/v1/me", params={query: key}).status_code == 401
        assert nobody.get("/api/v1/me", params={query: f"Bearer {key}"}).status_code == 401
    for name, value in (("X-API-Key", key), ("X-Auth-Token", key), ("Cookie", f"marginalia={key}")):
        assert nobody.get("/api/v1/me", headers={name: value}).status_code == 401
    wrong: list[Any] = ["", "Bearer", "Bearer ", f"Token {key}", key, f"Bearer {key}x", f"Bearer {key[:-1]}"]
    for value in [*wrong, b"Bearer \xff\xfe", b"Bearer \xc3\xa9" * 100]:
        assert nobody.get("/api/v1/me", headers={"Authorization": value}).status_code == 401
    assert nobody.get("/api/v1/me", headers={"Authorization": f"bearer  {key} "}).status_code == 200


def test_a_bad_token_is_nobody_and_not_the_cookies_owner(client_for: ClientFor, bob: User) -> None:
    client = client_for(bob)
    assert client.get("/api/v1/me").status_code == 200
    assert client.get("/api/v1/me", headers={"Authorization": "Bearer mg_wrong"}).status_code == 401
    # A password for the proxy in front of us is none of our business.
    assert client.get("/api/v1/me", headers={"Authorization": "Basic Ym9iOng="}).status_code == 200
