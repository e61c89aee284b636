"""The REST API by its names and shapes, and who may do what."""

import io
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.db import transaction
from app.models import Round, User
from tests.conftest import NOW, MakeProject

ClientFor = Callable[..., TestClient]
NEW = {
    "name": "Questions",
    "modality": "text",
    "task": {"kind": "classification", "classes": [{"name": "refund"}, {"name": "other"}]},
}


def create(client: TestClient, **fields: Any) -> int:
    response = client.post("/api/v1/projects", json={**NEW, **fields})
    assert response.status_code == 201, response.text
    return int(response.json()["id"])


def test_it_works(client_for: ClientFor, alice: User, bob: User) -> None:
    lead, annotator = client_for(alice, token=True), client_for(bob, token=True)
    project = create(lead)
    added = lead.post(
        f"/api/v1/projects/{project}/items",
        content=b'{"text": "money back"}\n{"text": "hello"}\n{"text": "hello"}\n',
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert (added.status_code, added.json()) == (201, {"added": 2, "duplicates": 1, "refused": []})
    member = {"email": bob.email, "role": "annotator"}
    assert lead.post(f"/api/v1/projects/{project}/members", json=member).status_code == 201

    claims = annotator.get(f"/api/v1/projects/{project}/next", params={"n": 1}).json()
    assert claims["empty_reason"] is None
    claim = claims["items"][0]
    assert set(claim) >= {"item", "lease", "chosen_by", "reason", "suggestion"}
    label = {"id": str(uuid4()), "answer": {"class": "refund"}, "seconds": 2.5}
    first = annotator.post(f"/api/v1/items/{claim['item']['id']}/labels", json=label)
    again = annotator.post(f"/api/v1/items/{claim['item']['id']}/labels", json=label)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content

    progress = lead.get(f"/api/v1/projects/{project}/progress").json()
    assert (progress["items"], progress["labelled"], progress["labels"], progress["open_leases"]) == (2, 1, 1, 0)
    assert progress["accuracy"] is None
    lines = lead.get(f"/api/v1/projects/{project}/export", params={"format": "jsonl"}).text.splitlines()
    assert len(lines) == 1
    assert label["id"] in lines[0]


def test_a_stranger_gets_nothing(client_for: ClientFor, make_project: MakeProject, charlie: User) -> None:
    project = make_project(["a"]).id
    stranger = client_for(charlie)
    base = f"/api/v1/projects/{project}"
    for path in ("", "/items", "/next", "/progress", "/rounds", "/queue", "/annotators", "/workers", "/export",
                 "/events", "/members", "/labels/mine"):  # fmt: skip
        assert stranger.get(base + path).status_code == 404, path
    assert stranger.get("/api/v1/items/1").status_code == 404
    answer = {"id": str(uuid4()), "answer": {"class": "spam"}}
    assert stranger.post("/api/v1/items/1/labels", json=answer).status_code == 404
    assert stranger.post("/api/v1/items/1/skip", json={}).status_code == 404
    assert stranger.patch(base, json={"name": "Mine"}).status_code == 404
    assert stranger.delete(base).status_code == 404
    assert stranger.post(base + "/rounds").status_code == 404
    upload = stranger.post(base + "/items", content=b"{}", headers={"Content-Type": "application/x-ndjson"})
    assert upload.status_code == 404


def test_an_annotator_sees_no_settings_export_or_other_peoples_answers(
    client_for: ClientFor, make_project: MakeProject, bob: User
) -> None:
    project = make_project(["a"]).id
    annotator = client_for(bob)
    base = f"/api/v1/projects/{project}"
    for path in ("/export", "/items", "/rounds", "/queue", "/annotators", "/members", "/workers"):
        assert annotator.get(base + path).status_code == 403, path
    assert annotator.patch(base, json={"name": "Mine"}).status_code == 403
    assert annotator.delete(base).status_code == 403
    assert annotator.get(base).json()["recipe"] is None
    assert annotator.post("/api/v1/projects", json=NEW).status_code == 403


def test_nobody_is_refused_with_401_and_problem_json(client_for: ClientFor, database: Any) -> None:
    response = client_for(None).get("/api/v1/projects")
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 401


def test_a_cookie_from_another_site_changes_nothing(
    client_for: ClientFor, make_project: MakeProject, alice: User
) -> None:
    make_project([])
    lead = client_for(alice)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert lead.post("/api/v1/projects", json=NEW, headers=headers).status_code == 403
    assert lead.post("/api/v1/projects", json=NEW, headers={"Origin": "http://testserver"}).status_code == 201


def test_scopes_narrow_what_a_token_may_do(client_for: ClientFor, make_project: MakeProject, alice: User) -> None:
    project = make_project(["a"]).id
    lead = client_for(alice, token=True)
    keys = {scope: lead.post("/api/v1/tokens", json={"scope": scope}).json()["token"] for scope in ("read", "annotate")}
    base = f"/api/v1/projects/{project}"

    def get(scope: str, path: str) -> int:
        return client_for(None).get(base + path, headers={"Authorization": f"Bearer {keys[scope]}"}).status_code

    assert (get("read", "/export"), get("read", "/next")) == (200, 403)
    assert (get("annotate", "/export"), get("annotate", "/next")) == (403, 200)


@pytest.mark.parametrize(
    "fields",
    [
        {"modality": "smell"},
        {"name": ""},
        {"name": "   "},
        {"task": {"kind": "classification", "classes": [{"name": "one"}]}},
        {"task": {"kind": "classification", "classes": [{"name": "a"}, {"name": "a"}]}},
        {"task": {"kind": "poetry", "classes": [{"name": "a"}, {"name": "b"}]}},
        {"task": {"kind": "classification", "classes": [{"name": "a", "color": "red"}, {"name": "b"}]}},
        {"recipe": {"strategy": {"name": "magic"}}},
        {"recipe": {"strategy": {"name": "margin", "beta": 3}}},
        {"recipe": {"encoder": {"name": "pixels"}}},
        {"recipe": {"random_share": 2}},
        {"recipe": {"random_share": None}},
        {"recipe": "fast"},
        {"surprise": 1},
    ],
)
def test_a_project_that_does_not_fit_is_refused_with_its_fields(
    client_for: ClientFor, alice: User, fields: dict[str, Any]
) -> None:
    response = client_for(alice).post("/api/v1/projects", json={**NEW, **fields})
    assert response.status_code == 422, response.text
    assert response.json()["errors"]


def test_defaults_are_filled_in(client_for: ClientFor, alice: User) -> None:
    made = client_for(alice).post("/api/v1/projects", json=NEW).json()
    assert made["recipe"]["votes_wanted"] == 1
    assert made["recipe"]["random_share"] == 0.1
    assert [each["key"] for each in made["task"]["classes"]] == ["1", "2"]
    assert made["role"] == "lead"


def test_classes_with_answers_stay(client_for: ClientFor, make_project: MakeProject, alice: User) -> None:
    project = make_project(["a"]).id
    lead = client_for(alice)
    item = lead.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    lead.post(f"/api/v1/items/{item}/labels", json={"id": str(uuid4()), "answer": {"class": "spam"}})
    fewer = {"kind": "classification", "classes": [{"name": "ham"}, {"name": "other"}]}
    assert lead.patch(f"/api/v1/projects/{project}", json={"task": fewer}).status_code == 409
    more = {"kind": "classification", "classes": [{"name": "ham"}, {"name": "other"}, {"name": "spam"}]}
    assert lead.patch(f"/api/v1/projects/{project}", json={"task": more}).status_code == 200


def test_classes_that_a_model_learned_keep_their_places(
    client_for: ClientFor, make_project: MakeProject, alice: User
) -> None:
    project = make_project(["a"])
    with transaction() as db:
        db.add(
            Round(project_id=project.id, number=1, state="published", opened_at=NOW, seed=1, recipe={}, labels_used=2)
        )
    lead, path = client_for(alice), f"/api/v1/projects/{project.id}"
    for names in (["ham", "spam"], ["other", "spam", "ham"], ["spam", "other", "ham"], ["spam", "other"]):
        refused = lead.patch(path, json={"task": {"kind": "classification", "classes": [{"name": n} for n in names]}})
        assert refused.status_code == 409, names
    more = {"kind": "classification", "classes": [{"name": "spam"}, {"name": "ham"}, {"name": "other"}]}
    assert lead.patch(path, json={"task": more}).status_code == 200


def test_a_bad_upload_changes_nothing_unless_the_good_rows_were_asked_for(
    client_for: ClientFor, make_project: MakeProject, alice: User
) -> None:
    project = make_project([]).id
    lead = client_for(alice)
    body, kind = b'{"text": "a"}\nnot json\n{"text": "b"}\n', {"Content-Type": "application/x-ndjson"}
    path = f"/api/v1/projects/{project}/items"
    refused = lead.post(path, content=body, headers=kind)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["line"] == 2
    assert lead.get(path).json()["items"] == []
    kept = lead.post(path, content=body, headers=kind, params={"on_error": "keep"})
    assert kept.status_code == 201
    assert (kept.json()["added"], [each["line"] for each in kept.json()["refused"]]) == (2, [2])


def test_a_file_in_a_form_works_too(client_for: ClientFor, make_project: MakeProject, alice: User) -> None:
    project = make_project([]).id
    lead = client_for(alice)
    files = {"file": ("mails.csv", b"text,label\nhello,ham\nbuy now,spam\n", "text/csv")}
    params = {"text": "text", "label": "label"}
    added = lead.post(f"/api/v1/projects/{project}/items", files=files, params=params)
    assert added.json() == {"added": 2, "duplicates": 0, "refused": []}
    progress = lead.get(f"/api/v1/projects/{project}/progress").json()
    assert progress["labels"] == 2


def test_images_come_in_a_zip_and_are_served_to_members_only(
    client_for: ClientFor, make_project: MakeProject, alice: User, bob: User, charlie: User
) -> None:
    project = make_project(modality="image").id
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(2):
            image = io.BytesIO()
            Image.new("RGB", (20, 10), (number * 100, 0, 0)).save(image, "PNG")
            archive.writestr(f"spam/{number}.png", image.getvalue())
    lead = client_for(alice)
    added = lead.post(
        f"/api/v1/projects/{project}/items", content=packed.getvalue(), headers={"Content-Type": "application/zip"}
    )
    assert added.json() == {"added": 2, "duplicates": 0, "refused": []}
    item = lead.get(f"/api/v1/projects/{project}/items").json()["items"][0]
    assert item["external_id"] == "spam/0.png"
    media = client_for(bob).get(f"/api/v1/items/{item['id']}/media")
    assert (media.status_code, media.headers["content-type"]) == (200, "image/png")
    assert client_for(charlie).get(f"/api/v1/items/{item['id']}/media").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"id": "x", "answer": {"class": "spam"}}',
        b'{"id": "00000000-0000-0000-0000-000000000001"}',
        b'{"id": "00000000-0000-0000-0000-000000000001", "answer": {"class": "spam"}, "seconds": -1}',
        b'{"id": "00000000-0000-0000-0000-000000000001", "answer": {"class": "spam"}, "seconds": NaN}',
        b'{"id": "00000000-0000-0000-0000-000000000001", "answer": {"class": "sp\\u0000am"}}',
    ],
)
def test_a_bad_answer_is_a_422_and_never_a_500(
    client_for: ClientFor, make_project: MakeProject, alice: User, body: bytes
) -> None:
    project = make_project(["a"]).id
    lead = client_for(alice)
    item = lead.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    response = lead.post(f"/api/v1/items/{item}/labels", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422


def test_numbers_beyond_the_databases_are_refused(client_for: ClientFor, alice: User) -> None:
    for number in ("0", "-1", str(2**63), "x"):
        assert client_for(alice).get(f"/api/v1/projects/{number}/progress").status_code == 422


def test_skip_and_undo_over_the_api(client_for: ClientFor, make_project: MakeProject, alice: User) -> None:
    project = make_project(["a", "b"]).id
    lead = client_for(alice)
    item = lead.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    skipped = lead.post(f"/api/v1/items/{item}/skip", json={"reason": "blurred"})
    assert (skipped.status_code, skipped.json()["skip_reason"]) == (201, "blurred")
    mine = lead.get(f"/api/v1/projects/{project}/labels/mine").json()["labels"]
    assert [one["id"] for one in mine] == [skipped.json()["id"]]
    back = lead.delete(f"/api/v1/labels/{skipped.json()['id']}").json()
    assert back["claim"]["item"]["id"] == item


def test_leases_renew_and_end(client_for: ClientFor, make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a"]).id
    lead, annotator = client_for(alice), client_for(bob)
    lease = lead.get(f"/api/v1/projects/{project}/next").json()["items"][0]["lease"]["id"]
    renewed = lead.post("/api/v1/leases/renew", json={"ids": [lease, 12345]}).json()["leases"]
    assert [one["id"] for one in renewed] == [lease]
    assert annotator.delete(f"/api/v1/leases/{lease}").status_code == 403
    assert annotator.get(f"/api/v1/projects/{project}/next").json()["empty_reason"] == "all_leased"
    assert lead.delete(f"/api/v1/leases/{lease}").status_code == 204
    assert len(annotator.get(f"/api/v1/projects/{project}/next").json()["items"]) == 1


def test_deleting_a_project_deletes_it(client_for: ClientFor, make_project: MakeProject, alice: User) -> None:
    project = make_project(["a"]).id
    lead = client_for(alice)
    item = lead.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    lead.post(f"/api/v1/items/{item}/labels", json={"id": str(uuid4()), "answer": {"class": "spam"}})
    assert lead.delete(f"/api/v1/projects/{project}").status_code == 204
    assert lead.get(f"/api/v1/projects/{project}").status_code == 404


def test_openapi_is_served_and_names_every_promised_route(client_for: ClientFor, database: Any) -> None:
    paths = client_for(None).get("/api/v1/openapi.json").json()["paths"]
    base = "/api/v1/projects/{project_id}"
    for path in ("/items", "/next", "/progress", "/rounds", "/queue", "/annotators", "/events", "/export", "/members"):
        assert base + path in paths, path


def test_security_headers_are_on_every_answer(client_for: ClientFor, database: Any) -> None:
    for path in ("/healthz", "/nowhere", "/api/v1/projects"):
        headers = client_for(None).get(path).headers
        assert "script-src 'self'; style-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-request-id"]


def test_an_answer_may_bring_the_next_item_in_one_round_trip(
    client_for: ClientFor, make_project: MakeProject, bob: User
) -> None:
    project = make_project(["a", "b", "c"]).id
    annotator = client_for(bob, token=True)
    first = annotator.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]
    label = {"id": str(uuid4()), "answer": {"class": "spam"}}
    address = f"/api/v1/items/{first['id']}/labels"
    answered = annotator.post(address, params={"then_next": 1}, json=label)
    assert answered.status_code == 201
    following = answered.json()["next"]
    assert following["empty_reason"] is None
    assert len(following["items"]) == 1
    assert following["items"][0]["item"]["id"] != first["id"]
    again = annotator.post(address, params={"then_next": 1}, json=label)
    assert again.status_code == 200
    assert again.json()["next"]["items"][0]["lease"]["id"] == following["items"][0]["lease"]["id"]
    assert "next" not in annotator.post(address, json=label).json()
    bad = annotator.post(address, params={"then_next": 1}, json={"id": str(uuid4()), "answer": {"class": "x"}})
    assert bad.status_code == 422


def test_a_token_that_was_revoked_between_next_and_answer_answers_nothing(
    client_for: ClientFor, make_project: MakeProject, bob: User
) -> None:
    project = make_project(["a"]).id
    annotator, browser = client_for(bob, token=True), client_for(bob)
    item = annotator.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    token = browser.get("/api/v1/tokens").json()["tokens"][0]["id"]
    assert browser.delete(f"/api/v1/tokens/{token}").status_code == 204
    label = {"id": str(uuid4()), "answer": {"class": "spam"}}
    assert annotator.post(f"/api/v1/items/{item}/labels", json=label).status_code == 401
    assert annotator.get(f"/api/v1/projects/{project}/next").status_code == 401
    assert browser.get(f"/api/v1/projects/{project}/labels/mine").json()["labels"] == []
