"""Uploading in two steps: the file, then what its columns mean. And what comes out again."""

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import reading
from app.models import Item, User
from app.settings import current

CSV = b"id,text,label\n1,Buy now,spam\n2,See you at noon,ham\n"


def send(client: Any, project: Any, name: str, content: bytes) -> str:
    sent = client.post(f"/projects/{project.id}/upload", files={"file": (name, content)})
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"])


def count() -> int:
    with reading() as db:
        return db.scalar(select(func.count()).select_from(Item)) or 0


def test_it_works(client_for: Any, make_project: Any, alice: User) -> None:
    project, client = make_project([]), client_for(alice)
    address = send(client, project, "mails.csv", CSV)
    shown = client.get(address).text
    assert "See you at noon" in shown
    assert re.search(r'name="text".*?<option selected>text', shown, re.DOTALL)
    assert re.search(r'name="label".*?<option selected>label', shown, re.DOTALL)
    assert count() == 0
    done = client.post(address, data={"text": "text", "label": "label", "external_id": "id", "label_as": "import"})
    assert "2 items added" in done.text
    assert count() == 2
    listed = client.get(f"/projects/{project.id}/items?only=labelled").text
    assert "Buy now" in listed
    assert "spam" in listed


def test_bad_rows_are_named_and_the_good_ones_are_kept_only_on_request(
    client_for: Any, make_project: Any, alice: User
) -> None:
    project, client = make_project([]), client_for(alice)
    address = send(client, project, "mails.csv", CSV + b"3,What,unknown class\n")
    form = {"text": "text", "label": "label", "on_error": "refuse"}
    refused = client.post(address, data=form)
    assert refused.status_code == 422
    assert "line 4" in refused.text
    assert count() == 0
    kept = client.post(address, data={**form, "on_error": "keep"})
    assert "2 items added" in kept.text
    assert "line 4" in kept.text
    assert count() == 2


def test_what_is_over_the_quota_is_refused_with_the_figures(
    client_for: Any, make_project: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARGINALIA_QUOTA_ITEMS", "3")
    monkeypatch.setenv("MARGINALIA_QUOTA_BYTES", "5000")
    current.cache_clear()
    project, client = make_project(["one", "two"]), client_for(alice)
    assert "holds 2 of 3 items and 0 of 5\u202f000 bytes" in client.get(f"/projects/{project.id}/upload").text
    address = send(client, project, "mails.csv", CSV)
    refused = client.post(address, data={"text": "text", "label": "label"})
    assert refused.status_code == 422
    assert "It holds 2 of 3 items, and the file adds 2." in refused.text
    assert count() == 2
    head = {"Content-Type": "text/csv"}
    by_api = client.post(f"/api/v1/projects/{project.id}/items", content=CSV, headers=head, params={"label": "label"})
    assert (by_api.status_code, by_api.json()["errors"][0]["field"]) == (422, "quota_items")


def test_sending_the_same_step_again_adds_nothing(client_for: Any, make_project: Any, alice: User) -> None:
    project, client = make_project([]), client_for(alice)
    address = send(client, project, "mails.csv", CSV)
    assert client.post(address, data={"text": "text"}).status_code == 200
    assert client.post(address, data={"text": "text"}).status_code == 404
    assert count() == 2


def test_a_file_that_is_none_is_refused_in_words(client_for: Any, make_project: Any, alice: User) -> None:
    project, client = make_project([]), client_for(alice)
    address = f"/projects/{project.id}/upload"
    html = {"Accept": "text/html"}
    assert client.post(address, data={}, headers=html).status_code == 422
    assert client.post(address, files={"file": ("", b"")}, headers=html).status_code == 422
    assert client.post(address, content=b"no form", headers=html).status_code == 422


def test_items_are_browsed_page_by_page(client_for: Any, make_project: Any, alice: User) -> None:
    project, client = make_project([f"Mail {number:03}" for number in range(60)]), client_for(alice)
    first = client.get(f"/projects/{project.id}/items").text
    more = re.search(r'href="(\?only=all&amp;after=\d+)" rel="next"', first)
    assert more
    second = client.get(f"/projects/{project.id}/items{more[1].replace('&amp;', '&')}").text
    shown = re.findall(r"Mail \d{3}", first + second)
    assert shown == [f"Mail {number:03}" for number in range(60)]
    assert 'rel="next"' not in second


def test_the_export_form_leads_to_the_file(client_for: Any, make_project: Any, alice: User) -> None:
    project, client = make_project(["One"]), client_for(alice)
    assert 'value="jsonl"' in client.get(f"/projects/{project.id}/export").text
    query = "format=jsonl&only=all&class=&since="
    found = client.get(f"/projects/{project.id}/export/file?{query}")
    assert found.headers["location"] == f"/api/v1/projects/{project.id}/export?format=jsonl&only=all"
    assert '"One"' in client.get(found.headers["location"]).text
    dated = client.get(f"/projects/{project.id}/export/file?format=csv&since=2026-01-02")
    assert client.get(dated.headers["location"]).status_code == 200
