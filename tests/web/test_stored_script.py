"""Script in every field that a person or a file can fill: shown as text on every page, and never a tag or attribute."""

from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app.db import transaction
from app.models import User
from app.services import users
from tests.conftest import NOW, PASSWORD

HTML = {"Accept": "text/html"}
# Closes a text, an attribute in either quotes, a comment, a style and a script; and is markdown, too.
BAIT = """'"--></style></script><script>alert(1)</script><xss-tag xss-attr="1" onclick=alert(1)>"""
MARKDOWN = BAIT + "\n\n[x](javascript:alert(1)) ![y](https://evil.example/p.png) <img src=x onerror=alert(1)>"


FORBIDDEN = ("xss-tag", "iframe", "object", "embed", "style", "base")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("xss-tag", "iframe", "object", "embed", "style", "base") or (
            tag == "script" and not named.get("src")
        ):
            self.bad.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("xss-attr", "style", "srcdoc"):
                self.bad.append(f"{tag} {name}")
            if tag == "a" and value and value.startswith("https://evil.example/"):
                continue  # guidelines may link to other sites
            if name in ("href", "src", "action", "formaction") and value and not value.startswith(("/", "#", "?")):
                self.bad.append(f"{tag} {name}={value}")


def bad(text: str) -> list[str]:
    parser = Tags()
    parser.feed(text)
    parser.close()
    return parser.bad


def test_the_parser_would_see_it() -> None:
    assert bad(f"<p>{BAIT}</p>") == ["script", "xss-tag", "xss-tag xss-attr", "xss-tag onclick"]
    assert bad('<a href="javascript:alert(1)">') == ["a href=javascript:alert(1)"]


@pytest.fixture
def filled(client_for: Any, alice: User) -> tuple[TestClient, list[int]]:
    """Projects of text and of tables, whose every field is bait."""
    client = client_for(alice)
    with transaction() as db:
        eve = users.add_user(db, '"<xss-tag>@e.org', BAIT, PASSWORD, False, NOW)
        users.create_token(db, alice.id, BAIT, "read", 1, NOW)
    made = []
    for modality in ("text", "table"):
        classes = [{"name": f"{BAIT} {k}", "description": BAIT} for k in range(2)]
        wanted = {
            "name": BAIT, "modality": modality, "guidelines": MARKDOWN,
            "task": {"kind": "classification", "classes": classes},
        }  # fmt: skip
        project = client.post("/api/v1/projects", json=wanted).json()["id"]
        client.post(f"/api/v1/projects/{project}/members", json={"email": eve.email, "role": "annotator"})
        rows = "".join(f'"{BAIT.replace(chr(34), chr(34) * 2)} {k}",{k}\n' for k in range(4))
        data = f'text,"{BAIT.replace(chr(34), chr(34) * 2)}"\n{rows}'
        sent = client.post(f"/api/v1/projects/{project}/items", files={"file": (f"{BAIT}.csv", data)})
        assert sent.json()["added"] == 4, sent.text
        item = client.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
        answer = {"id": str(uuid4()), "answer": {"class": f"{BAIT} 0"}}
        assert client.post(f"/api/v1/items/{item}/labels", json=answer).status_code == 201
        person = client_for(eve)
        theirs = person.get(f"/api/v1/projects/{project}/next").json()["items"][0]["item"]["id"]
        assert person.post(f"/api/v1/items/{theirs}/skip", json={"reason": BAIT}).status_code == 201
        made.append(project)
    return client, made


PAGES = (
    "",
    "/live",
    "/label",
    "/items",
    "/items?only=labelled",
    "/people",
    "/settings",
    "/export",
    "/simulate",
    "/upload",
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_page_runs_what_people_wrote(filled: tuple[TestClient, list[int]]) -> None:
    client, made = filled
    seen = 0
    addresses = [f"/projects/{project}{page}" for project in made for page in PAGES]
    for address in [*addresses, "/", "/account", "/users", "/plugins", "/projects/new"]:
        found = client.get(address, headers=HTML)
        assert found.status_code == 200, address
        assert bad(found.text) == [], address
        seen += "&lt;xss-tag" in found.text
    assert seen >= 15  # the bait is on the pages, as text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_page_runs_what_it_echoes(filled: tuple[TestClient, list[int]], client_for: Any) -> None:
    client, made = filled
    base = f"/projects/{made[0]}"
    nobody = client_for(None)
    upload = client.post(f"{base}/upload", files={"file": (f"{BAIT}.csv", f"{BAIT},x\n{BAIT},1\n")}, headers=HTML)
    address = upload.headers["location"]
    pages = [
        nobody.post("/sign-in", data={"email": BAIT, "password": "x", "next": f"/{BAIT}"}, headers=HTML),
        nobody.get("/sign-in", params={"next": BAIT}, headers=HTML),
        client.get(f"/{BAIT}", headers=HTML),
        client.get(f"/projects/{BAIT}", headers=HTML),
        client.get(address, headers=HTML),
        client.post(address, data={"text": BAIT, "label": BAIT, "columns": BAIT}, headers=HTML),
        client.post(f"{base}/people", data={"email": BAIT, "role": BAIT}, headers=HTML),
        client.post(f"{base}/settings", data={"name": BAIT * 20, "guidelines": MARKDOWN}, headers=HTML),
        client.post(f"{base}/settings", data={"strategy": BAIT, "votes_wanted": BAIT}, headers=HTML),
        client.post(f"{base}/delete", data={"confirm": BAIT}, headers=HTML),
        client.post(f"{base}/simulate", data={"strategies": BAIT, "labels": BAIT}, headers=HTML),
        client.post("/users", data={"email": BAIT, "name": BAIT, "password": "x"}, headers=HTML),
        client.post("/account/tokens", data={"name": BAIT, "scope": BAIT, "days": BAIT}, headers=HTML),
        client.post(
            "/projects/new", data={"name": BAIT, "modality": BAIT, "kind": BAIT, "class_list": BAIT}, headers=HTML
        ),
        client.get(f"{base}?said={BAIT}", headers=HTML),
        client.get(f"{base}/label", params={"before": f'{{"class": "{BAIT}"}}', "item": "1"}, headers=HTML),
    ]
    for number, found in enumerate(pages):
        assert found.status_code < 500, number
        assert bad(found.text) == [], (number, found.status_code)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_names_of_files_lead_to_no_header_of_their_own(filled: tuple[TestClient, list[int]]) -> None:
    client, made = filled
    client.patch(f"/api/v1/projects/{made[0]}", json={"name": 'a"; filename=evil.html\r\nX-Evil: 1\r\n\r\n<html>'})
    found = client.get(f"/api/v1/projects/{made[0]}/export?only=all")
    assert "x-evil" not in found.headers
    assert found.headers["content-disposition"].startswith("attachment;")
    assert '"' not in found.headers["content-disposition"].removeprefix('attachment; filename="').removesuffix('"')
