"""A project of spans over REST and its page: asked, answered, learned, queued, exported and taken in again, exactly."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app import store
from app.core import words
from app.core.data import ShardedFeatures
from app.core.encoders.hashed_words import HashedWords
from app.db import reading
from app.models import Encoding, User
from app.services import encoding_data
from workers import tasks

ClientFor = Callable[..., TestClient]
PLACES, NAMES = ["Zürich", "北京", "Köln", "New York"], ["Bob 👍🏽", "Ana\u0301", "عمر", "Kai"]
TEXTS = [f"👩‍🚀 {name} lives in {place} now" for place in PLACES for name in NAMES] + [
    f"Nothing {n} 🤷" for n in range(8)
]
OTHER = {"kind": "classification", "classes": ["a", "b"]}
KIND = {"kind": "spans", "classes": [{"name": "person", "description": "People"}, {"name": "place"}]}


def truth(text: str) -> dict[str, Any]:
    known = [(name, "person") for name in NAMES] + [(place, "place") for place in PLACES]
    at = [(text.find(said), said, name) for said, name in known if said in text]
    return {"spans": [{"start": start, "end": start + len(said), "class": name} for start, said, name in sorted(at)]}


def create(lead: TestClient, **task: Any) -> int:
    fields = {"name": "Spans", "modality": "text", "task": {**KIND, **task}, "recipe": {"random_share": 0.3}}
    made = lead.post("/api/v1/projects", json=fields)
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


def send(lead: TestClient, project: int, body: str, options: str = "") -> dict[str, Any]:
    kind = {"Content-Type": "application/x-ndjson"}
    response = lead.post(f"/api/v1/projects/{project}/items{options}", content=body.encode(), headers=kind)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def exported(lead: TestClient, project: int, **options: Any) -> list[dict[str, Any]]:
    answer = lead.get(f"/api/v1/projects/{project}/export", params={"format": "jsonl", **options})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def work(annotator: TestClient, project: int, n: int) -> None:
    for _ in range(n):
        claim = annotator.get(f"/api/v1/projects/{project}/next", params={"n": 1}).json()["items"][0]
        label = {"id": str(uuid4()), "answer": truth(claim["item"]["content"]["text"])}
        answer = annotator.post(f"/api/v1/items/{claim['item']['id']}/labels", json=label)
        assert answer.status_code == 201, answer.text
        assert answer.json()["answer"] == label["answer"]


def test_it_works(client_for: ClientFor, alice: User, bob: User) -> None:
    lead, annotator = client_for(alice, token=True), client_for(bob, token=True)
    project = create(lead)
    send(lead, project, "".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    lead.post(f"/api/v1/projects/{project}/members", json={"email": bob.email, "role": "annotator"})
    tasks.run_encoding(project)
    tasks.run_round(project)
    work(annotator, project, 16)
    tasks.run_round(project)

    queue = lead.get(f"/api/v1/projects/{project}/queue", params={"limit": 100}).json()["rows"]
    assert queue
    told = [row["suggestion"] for row in queue]
    assert all(set(one["answer"]) == {"spans"} and 0 <= one["confidence"] <= 1 for one in told)
    assert any(one["answer"]["spans"] for one in told)
    right = sum(row["suggestion"]["answer"] == truth(row["item"]["content"]["text"]) for row in queue)
    assert right >= len(queue) // 2
    tasks.measure_round(project)
    metrics = lead.get(f"/api/v1/projects/{project}/progress").json()["metrics"]
    assert metrics["classes"]["person"] > 0
    assert metrics["entity_f1"]["low"] <= metrics["entity_f1"]["estimate"] <= metrics["entity_f1"]["high"]

    lines = exported(lead, project, predictions=True, only="all")
    assert all(line["answer"] in (None, truth(line["content"]["text"])) for line in lines)
    assert sum(line["answer"] is not None for line in lines) == 16
    assert all(set(line["prediction"]["answer"]) == {"spans"} for line in lines if line["prediction"])
    assert len(exported(lead, project, **{"class": "place"})) == sum(
        "place" in json.dumps(line["answer"]) for line in lines if line["answer"]
    )
    for page in ("", "/items", "/settings", "/export", "/simulate"):
        assert client_for(alice).get(f"/projects/{project}{page}").status_code == 200, page


@pytest.mark.parametrize("format_name", ["jsonl", "csv", "parquet", "json"])
def test_offsets_come_back_through_an_export_as_they_went(client_for: ClientFor, alice: User, format_name: str) -> None:
    lead = client_for(alice, token=True)
    project, again = create(lead), create(lead)
    lines = "".join(json.dumps({"text": text, "entities": truth(text)["spans"]}) + "\n" for text in TEXTS)
    assert send(lead, project, lines, "?text=text&label=entities")["added"] == len(TEXTS)
    before = {line["content"]["text"]: line["answer"] for line in exported(lead, project)}
    assert before == {text: truth(text) for text in TEXTS}
    file = lead.get(f"/api/v1/projects/{project}/export", params={"format": format_name}).content
    options = "" if format_name in ("jsonl", "json") else "&text=text"
    added = lead.post(
        f"/api/v1/projects/{again}/items?label=answer&name=it.{format_name}{options}",
        content=file,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert added.status_code == 201, added.text
    assert {line["content"]["text"]: line["answer"] for line in exported(lead, again)} == before


def test_conll_goes_in_and_out(client_for: ClientFor, alice: User) -> None:
    lead = client_for(alice, token=True)
    project = create(lead)
    body = "👍\tO\nBob\tB-person\nSmith\tI-person\n\nnothing\tO\n"
    options = "?text=text&label=spans&name=it.conll"
    added = lead.post(f"/api/v1/projects/{project}/items{options}", content=body.encode())
    assert added.json() == {"added": 2, "duplicates": 0, "refused": []}
    assert lead.get(f"/api/v1/projects/{project}/export", params={"format": "conll"}).text == body + "\n"
    other = lead.post("/api/v1/projects", json={"name": "x", "modality": "text", "task": OTHER}).json()["id"]
    assert lead.get(f"/api/v1/projects/{other}/export", params={"format": "conll"}).status_code == 422


def test_a_bad_span_in_a_file_is_refused_with_its_line(client_for: ClientFor, alice: User) -> None:
    lead = client_for(alice, token=True)
    project = create(lead)
    lines = [{"text": "👍 Bob", "spans": [[2, 5, "person"]]}, {"text": "👍 Ann", "spans": [[3, 6, "person"]]}]
    answer = lead.post(
        f"/api/v1/projects/{project}/items?text=text&label=spans",
        content="".join(json.dumps(one) + "\n" for one in lines).encode(),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["line"] == 2
    assert "5 characters" in answer.json()["errors"][0]["error"]


def test_overlapping_spans_are_refused_or_kept_as_the_project_says(client_for: ClientFor, alice: User) -> None:
    lead = client_for(alice, token=True)
    given = {"spans": [{"start": 0, "end": 16, "class": "person"}, {"start": 8, "end": 16, "class": "place"}]}
    for overlap, status in ((False, 422), (True, 201)):
        project = create(lead, overlap=overlap)
        assert lead.get(f"/api/v1/projects/{project}").json()["task"]["overlap"] is overlap
        send(lead, project, '{"text": "Bank of New York"}\n')
        claim = lead.get(f"/api/v1/projects/{project}/next").json()["items"][0]
        label = {"id": str(uuid4()), "answer": given}
        answer = lead.post(f"/api/v1/items/{claim['item']['id']}/labels", json=label)
        assert answer.status_code == status, answer.text
    assert exported(lead, project)[0]["answer"] == given
    change = {"task": {"classes": [*KIND["classes"], {"name": "thing"}]}}
    changed = lead.patch(f"/api/v1/projects/{project}", json=change)
    assert (changed.status_code, changed.json()["task"]["overlap"]) == (200, True), changed.text
    off = lead.patch(f"/api/v1/projects/{project}", json={"task": {**change["task"], "overlap": False}})
    assert off.status_code == 409
    assert off.json()["errors"][0]["field"] == "task.overlap"


def test_what_a_project_of_spans_cannot_be_is_refused(client_for: ClientFor, alice: User) -> None:
    lead = client_for(alice, token=True)
    new = {"name": "x", "modality": "text", "task": KIND}
    for change in (
        {"modality": "image"},
        {"task": {**KIND, "overlaps": True}},
        {"task": {**KIND, "overlap": "perhaps"}},
        {"task": {**KIND, "classes": []}},
        {"recipe": {"encoder": {"name": "minilm"}}},
        {"task": {"kind": "classification", "classes": [{"name": "one"}]}},
        {"task": {"kind": "classification", "classes": [{"name": "a"}, {"name": "b"}], "overlap": True}},
    ):
        assert lead.post("/api/v1/projects", json={**new, **change}).status_code == 422, change
    assert lead.post("/api/v1/projects", json={**new, "task": {**KIND, "classes": ["one"]}}).status_code == 201


def test_the_page_works_as_a_plain_form(client_for: ClientFor, alice: User) -> None:
    lead = client_for(alice)
    fields = {
        "name": "By form",
        "modality": "text",
        "kind": "spans",
        "kind.spans.overlap": "1",
        "class_list": "person\nplace",
    }
    made = lead.post("/projects/new", data=fields, follow_redirects=False)
    assert made.status_code == 303, made.text
    project = int(made.headers["location"].split("/")[2])
    assert lead.get(f"/api/v1/projects/{project}").json()["task"]["overlap"] is True
    send(lead, project, '{"text": "👍 Bob saw Bob"}\n')
    page = lead.get(f"/projects/{project}/label")
    assert 'name="spans"' in page.text
    item = lead.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
    form = {"item_id": item, "label_id": str(uuid4()), "spans": "person: Bob\r\nperson: Bob", "send": "1"}
    bad = lead.post(f"/projects/{project}/label", data={**form, "spans": "pet: Bob"})
    assert bad.status_code == 422
    assert lead.post(f"/projects/{project}/label", data=form, follow_redirects=False).status_code == 303
    assert exported(lead, project)[0]["answer"] == {
        "spans": [{"start": 2, "end": 5, "class": "person"}, {"start": 10, "end": 13, "class": "person"}]
    }


def test_words_are_encoded_slice_by_slice_up_the_ladder(
    client_for: ClientFor, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = client_for(alice, token=True)
    project = create(lead)
    texts = [f"{text} {n}" for n in range(5) for text in TEXTS]
    send(lead, project, "".join(json.dumps({"text": text}) + "\n" for text in texts))
    monkeypatch.setattr(encoding_data, "SLICE_SECONDS", 0.0)  # a slice is one batch, as for a slow encoder
    for _ in range(3):
        tasks.run_encoding(project)
    with reading() as db:
        one = db.scalars(select(Encoding).where(Encoding.project_id == project)).one()
    folder = store.features_folder(project, one.fingerprint)
    assert one.rows_done < len(texts)
    assert [shard[1] for shard in store.shards(folder)] == [32, 64, 96]
    for _ in range(20):
        tasks.run_encoding(project)
    told = lead.get(f"/api/v1/projects/{project}/progress").json()["encoding"]
    assert [(each["encoder"], each["rows_done"], each["in_use"]) for each in sorted(told, key=lambda x: x["rung"])] == [
        ("hashed_words", len(texts), False),
        ("minilm_words", len(texts), True),
    ]
    features = ShardedFeatures(store.shards(folder))
    bounds = [words.cut(text) for text in texts]
    assert features.rows == len(texts)
    assert features.cuts.bounds.tolist() == [pair for each in bounds for pair in each.tolist()]
    contents = list(zip(texts, bounds, strict=True))
    assert np.allclose(features.take(np.arange(features.cuts.pieces)), HashedWords().encode(contents, {}), atol=1e-6)
    store.forget_joined(folder)
    assert len(list(folder.glob("*"))) == 2 * len(store.shards(folder))
