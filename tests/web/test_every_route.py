"""Every route for every role, by cookie and by token: one table, which fails where a route has no row."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import MetaData, select

from app.db import reading, transaction
from app.models import Base, Item, Lease
from app.services import leases
from tests.conftest import PASSWORD
from tests.web.world import CALLERS, NEW, PNG, World, application

# What each caller gets, by the kind of route; "ok" is what the row says.
KINDS: dict[str, dict[str, Any]] = {
    "public": dict.fromkeys(CALLERS, "ok"),
    "person": {"anonymous": 401, **dict.fromkeys(CALLERS[1:], "ok")},
    "member": {"anonymous": 401, "stranger": 404, **dict.fromkeys(CALLERS[2:], "ok")},
    "review": {"anonymous": 401, "stranger": 404, "annotator": 403, **dict.fromkeys(CALLERS[3:], "ok")},
    "lead": {"anonymous": 401, "stranger": 404, "annotator": 403, "reviewer": 403, "lead": "ok", "admin": "ok"},
    "admin": {"anonymous": 401, **dict.fromkeys(CALLERS[1:5], 403), "admin": "ok"},
    # One's own label: whose it is not, to them it does not exist, whatever their role.
    "own": {"anonymous": 401, "stranger": 404, **dict.fromkeys(CALLERS[2:], "ok")},
}


@dataclass(frozen=True)
class Row:
    """What a route gives whom: its kind, its status for those who may, and what is sent."""

    kind: str
    status: int = 200
    json: Any = None
    form: dict[str, Any] | None = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    files: Any = None
    scope: str = "all"  # that a token needs for an unsafe request: all, or annotate


def _form(**fields: Any) -> dict[str, Any]:
    return {"form": fields}


NOBODYS = "00000000-0000-4000-8000-000000000000"
P = "/api/v1/projects/{project_id}"
Q = "/projects/{project_id}"
LABEL = {"id": "{uuid}", "answer": {"class": "ham"}}
ROWS: dict[tuple[str, str], Row] = {
    ("GET", "/healthz"): Row("public"),
    ("GET", "/readyz"): Row("public", 503),  # no broker here
    ("GET", "/metrics"): Row("public", 404),  # to addresses and a token of its own; see test_metrics
    ("GET", "/favicon.ico"): Row("public"),
    ("GET", "/static/{version}/{name:path}"): Row("public"),
    ("GET", "/plugins"): Row("public"),
    ("GET", "/api/docs"): Row("public"),
    ("GET", "/api/v1/openapi.json"): Row("public"),
    ("HEAD", "/api/v1/openapi.json"): Row("public"),
    ("GET", "/sign-in"): Row("public", 0),  # the form, or on for whoever is signed in
    ("POST", "/sign-in"): Row("public", 401, **_form(email="x@y.z", password="wrong")),
    ("POST", "/sign-out"): Row("public", 303),
    ("GET", "/signed-in"): Row("public", 0),
    ("GET", "/"): Row("person"),
    ("GET", "/account"): Row("person"),
    ("POST", "/account/password"): Row("person", 303, **_form(old=PASSWORD, new="long enough", again="long enough")),
    ("POST", "/account/tokens"): Row("person", **_form(name="x", scope="read", days="1")),
    ("POST", "/account/tokens/{token_id}/delete"): Row("person", 303, form={}),
    ("GET", "/api/v1/me"): Row("person"),
    ("GET", "/api/v1/plugins"): Row("person"),
    ("GET", "/api/v1/tokens"): Row("person"),
    ("POST", "/api/v1/tokens"): Row("person", 201, json={}),
    ("DELETE", "/api/v1/tokens/{token_id}"): Row("person", 204),
    ("GET", "/users"): Row("admin"),
    ("POST", "/users"): Row("admin", 303, **_form(email="n@example.org", name="N", password="long enough")),
    ("POST", "/users/{user_id}/forget"): Row("admin", 422, **_form(email="another@example.org")),
    ("GET", "/api/v1/me/data"): Row("person"),
    ("GET", "/api/v1/users/{user_id}/data"): Row("admin"),
    ("DELETE", "/api/v1/users/{user_id}"): Row("admin", 422),  # whether labels stay must be said
    ("GET", "/api/v1/users"): Row("admin"),
    ("POST", "/api/v1/users"): Row("admin", 201, json={"email": "n@example.org", "password": "long enough"}),
    ("GET", "/projects/new"): Row("admin"),
    ("POST", "/projects/new"): Row(
        "admin", 303, **_form(name="N", modality="text", kind="classification", class_list="a\nb")
    ),
    ("POST", "/api/v1/projects"): Row("admin", 201, json=NEW),
    ("GET", "/api/v1/projects"): Row("person"),
    ("GET", P): Row("member"),
    ("PATCH", P): Row("lead", json={"guidelines": "x"}),
    ("DELETE", P): Row("lead", 204),
    ("GET", P + "/members"): Row("lead"),
    ("POST", P + "/members"): Row("lead", 201, json={"email": "charlie@example.org", "role": "lead"}),
    ("DELETE", P + "/members/{user_id}"): Row("lead", 204),
    ("GET", P + "/items"): Row("review"),
    ("POST", P + "/items"): Row("lead", 201, content=PNG, headers={"Content-Type": "image/png"}),
    ("GET", P + "/next"): Row("member", scope="annotate"),
    ("GET", P + "/queue"): Row("lead"),
    ("GET", P + "/progress"): Row("member"),
    ("GET", P + "/events"): Row("member"),
    ("GET", P + "/rounds"): Row("lead"),
    ("POST", P + "/rounds"): Row("lead", 202),
    ("POST", P + "/rounds/cancel"): Row("lead"),
    ("GET", P + "/annotators"): Row("lead"),
    ("GET", P + "/sway"): Row("lead"),
    ("GET", P + "/skips"): Row("lead"),
    ("GET", P + "/workers"): Row("lead"),
    ("GET", P + "/export"): Row("lead"),
    ("GET", P + "/labels/mine"): Row("member"),
    ("GET", P + "/exemplars"): Row("member"),
    ("POST", P + "/exemplars"): Row("lead", 201, json={"item_id": "{item_id}", "class": "ham"}),
    ("DELETE", P + "/exemplars/{item_id}"): Row("lead", 204),
    ("GET", P + "/simulations"): Row("lead"),
    ("POST", P + "/simulations"): Row("lead", 409, json={}),  # one is open already
    ("GET", P + "/simulations/{simulation_id}"): Row("lead"),
    ("POST", P + "/simulations/{simulation_id}/cancel"): Row("lead"),
    ("DELETE", P + "/simulations/{simulation_id}"): Row("lead", 204),
    ("GET", "/api/v1/items/{item_id}"): Row("member"),
    ("GET", "/api/v1/items/{item_id}/media"): Row("member"),
    ("POST", "/api/v1/items/{item_id}/labels"): Row("member", 201, json=LABEL, scope="annotate"),
    ("POST", "/api/v1/items/{item_id}/skip"): Row("member", 201, json={"reason": "unclear"}, scope="annotate"),
    ("DELETE", "/api/v1/labels/{label_id}"): Row("own", 200, scope="annotate"),
    ("POST", "/api/v1/leases/renew"): Row("person", json={"ids": ["{lease_id}"]}, scope="annotate"),
    ("DELETE", "/api/v1/leases/{lease_id}"): Row("person", 204, scope="annotate"),
    ("POST", "/api/v1/leases/{lease_id}/explanation"): Row("own", 409, scope="annotate"),  # no suggestion here
    ("GET", "/api/v1/leases/{lease_id}/explanation"): Row("own", 409),
    ("GET", Q): Row("member"),
    ("GET", Q + "/live"): Row("member"),
    ("GET", Q + "/label"): Row("member"),
    ("POST", Q + "/label"): Row(
        "member", 303, **_form(item_id="{item_id}", label_id="{uuid}", answer='{"class":"ham"}')
    ),
    ("GET", Q + "/colors.css"): Row("member"),
    ("GET", Q + "/media/{name}"): Row("member"),
    ("GET", Q + "/items"): Row("lead"),
    ("POST", Q + "/exemplars"): Row("lead", 303, **_form(item_id="{item_id}", **{"class": "ham"})),
    ("GET", Q + "/people"): Row("lead"),
    ("POST", Q + "/people"): Row("lead", 303, **_form(email="charlie@example.org", role="lead")),
    ("POST", Q + "/people/{user_id}/remove"): Row("lead", 303, form={}),
    ("POST", Q + "/round"): Row("lead", 303, form={}),
    ("POST", Q + "/round/cancel"): Row("lead", 303, form={}),
    ("GET", Q + "/settings"): Row("lead"),
    ("POST", Q + "/settings"): Row("lead", 303, **_form(name="Changed")),
    ("POST", Q + "/delete"): Row("lead", 303, **_form(confirm="Pictures")),
    ("GET", Q + "/export"): Row("lead"),
    ("GET", Q + "/export/file"): Row("lead", 303),
    ("GET", Q + "/simulate"): Row("lead"),
    ("POST", Q + "/simulate"): Row("lead", 409, form={}),
    ("GET", Q + "/simulate/{simulation_id}/live"): Row("lead"),
    ("POST", Q + "/simulate/{simulation_id}/stop"): Row("lead", 303, form={}),
    ("POST", Q + "/simulate/{simulation_id}/delete"): Row("lead", 303, form={}),
    ("GET", Q + "/upload"): Row("lead"),
    ("POST", Q + "/upload"): Row("lead", 303, files={"file": ("a.png", PNG)}),
    ("GET", Q + "/upload/{upload_id}"): Row("lead"),
    ("POST", Q + "/upload/{upload_id}"): Row("lead", form={}),
}


def said(client: TestClient, method: str, path: str, row: Row, place: dict[str, Any]) -> Any:
    return {**sent(client, method, path, row, place).json(), "request_id": ""}


def call(client: TestClient, method: str, path: str, row: Row, place: dict[str, Any]) -> int:
    return int(sent(client, method, path, row, place).status_code)


def sent(client: TestClient, method: str, path: str, row: Row, place: dict[str, Any]) -> Any:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        if isinstance(value, str) and value.startswith("{") and value[1:-1] in place:
            return place[value[1:-1]]
        return value

    names = {**place, "name": "app.css"} if path.startswith("/static") else place
    address = path.replace(":path}", "}").format(**names)
    body: dict[str, Any] = {"headers": row.headers}
    body |= {"json": filled(row.json)} if row.json is not None else {}
    body |= {"data": filled(row.form)} if row.form is not None else {}
    body |= {"content": row.content} if row.content is not None else {}
    body |= {"files": row.files} if row.files is not None else {}
    return client.request(method, address, **body)


def everything() -> dict[str, list[Any]]:
    """Every row of every table, but the sign-ins that callers need, and the tries that are counted."""
    passing = {"sign_in", "token", "failed_sign_in"}
    metadata: MetaData = Base.metadata
    with reading() as db:
        return {
            table.name: sorted(map(repr, db.execute(select(table))))
            for table in metadata.sorted_tables
            if table.name not in passing
        }


def routes() -> set[tuple[str, str]]:
    found = iter_route_contexts(application().routes)
    return {(method, route.path) for route in found for method in route.methods or ()}


def test_every_route_has_a_row_and_every_row_a_route(data_dir: Any) -> None:
    assert routes() - set(ROWS) == set(), "add a row to ROWS: who may call it?"
    assert set(ROWS) - routes() == set()


pytestmark_routes = pytest.mark.parametrize("route", list(ROWS), ids=" ".join)


def expected(row: Row, caller: str) -> Callable[[int], bool]:
    wanted = KINDS[row.kind][caller]
    if wanted != "ok":
        return lambda status: status == wanted
    return lambda status: status == row.status if row.status else status in (200, 303)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytestmark_routes
def test_it_gives_each_role_what_the_table_says(world: World, route: tuple[str, str]) -> None:
    method, path = route
    row = ROWS[route]
    for caller in CALLERS:
        place = world.place(caller)
        before = everything()
        status = call(world.client(caller), method, path, row, place)
        assert expected(row, caller)(status), (caller, status)
        if status == 404:
            nowhere = {**place, **{key: 10**9 for key in place if key.endswith("_id")}, "label_id": NOBODYS}
            told = [said(world.client(caller), method, path, row, each) for each in (place, nowhere)]
            assert told[0] == told[1], "a stranger can tell what exists from what does not"
        if KINDS[row.kind][caller] != "ok":
            assert everything() == before, f"{caller} was refused and changed something"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytestmark_routes
def test_it_gives_each_token_what_its_scope_says(world: World, route: tuple[str, str]) -> None:
    """A lead's tokens: `read` changes nothing and takes no item, `annotate` is an annotator's; none opens a page."""
    method, path = route
    row = ROWS[route]
    if row.kind == "public":
        return
    is_unsafe = method != "GET" or path.endswith("/next")
    narrow = "annotator" if row.kind not in ("person", "own") else "lead"
    for scope, as_if in (("read", "lead"), ("annotate", narrow), ("all", "lead")):
        place = world.place("lead")
        before = everything()
        status = call(world.client("lead", scope), method, path, row, place)
        if not path.startswith("/api/"):
            wanted = {401}
        elif is_unsafe and (scope == "read" or (scope == "annotate" and row.scope == "all")):
            wanted = {403}
        else:
            allowed = KINDS[row.kind][as_if]
            wanted = {row.status if allowed == "ok" else allowed}
        assert status in wanted, (scope, status)
        if status in (401, 403, 404):
            assert everything() == before, f"a token for {scope} was refused and changed something"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("route", [route for route in ROWS if route[1].count("{") > 1 and "project_id" in route[1]])
def test_what_is_in_another_project_is_not_found_through_ones_own(world: World, route: tuple[str, str]) -> None:
    method, path = route
    theirs, mine = world.place("admin"), world.place("lead")
    with transaction() as db:
        db.query(Item).filter(Item.project_id == mine["project_id"]).delete()  # the same bytes would be mine, too
    before = everything()
    place = {**theirs, "project_id": mine["project_id"], "user_id": world.people["charlie"].id}
    assert call(world.client("lead"), method, path, ROWS[route], place) == 404
    assert everything() == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_anothers_lease_is_neither_renewed_nor_given_back(world: World) -> None:
    place = world.place("annotator")
    for caller, status in (("stranger", 204), ("lead", 403)):  # 204: as for one that never was
        client = world.client(caller)
        assert client.post("/api/v1/leases/renew", json={"ids": [place["lease_id"]]}).json() == {"leases": []}
        assert client.delete(f"/api/v1/leases/{place['lease_id']}").status_code == status
    with reading() as db:
        assert not leases.has_expired(db, datetime.now(UTC))
        assert db.get_one(Lease, place["lease_id"]).ended_at is None
