"""Every hostile file, sent for real: refused with its reason and place, nothing added, nothing left on the disk."""

import asyncio
import io
import os
import random
import warnings
from contextlib import suppress
from typing import Any

import pytest

from app import store
from app.core import formats
from app.core.formats._images import NotAnImage, examine
from app.db import reading
from app.models import Item, Label, User
from app.settings import current
from tests.hostile import IMAGES, ONE, TABLE, TEXTS, archive, parquet, repeated

EXAMPLES = 10 * int(os.environ.get("MARGINALIA_API_EXAMPLES", "15"))
CASES = [("text", name) for name in TEXTS] + [("image", name) for name in IMAGES]


def left() -> list[str]:
    """Files in the store, but the database's own."""
    found = (path.relative_to(store.root()) for path in store.root().rglob("*") if path.is_file())
    return [str(path) for path in found if not str(path).startswith("marginalia.sqlite3")]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("modality", "name"), CASES, ids=[": ".join(case) for case in CASES])
def test_it_is_refused_with_its_reason_and_nothing_is_left(
    make_project: Any, client_for: Any, alice: User, modality: str, name: str
) -> None:
    file_name, made, said = (TEXTS if modality == "text" else IMAGES)[name]
    data = made() if callable(made) else made
    project, client = make_project([], modality=modality).id, client_for(alice)
    before = left()
    sent = client.post(f"/api/v1/projects/{project}/items?on_error=refuse", files={"file": (file_name, data)})
    assert sent.status_code in (413, 422), sent.text
    assert sent.headers["content-type"] == "application/problem+json"
    body = sent.json()
    assert said.lower() in (body["detail"] + repr(body["errors"])).lower(), body
    assert len(sent.content) < 500_000
    with reading() as db:
        assert db.query(Item).count() == db.query(Label).count() == 0
    assert left() == before
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_refused_row_names_its_place(make_project: Any, client_for: Any, alice: User) -> None:
    project, client = make_project([]).id, client_for(alice)
    lines = ["text,x", "good,1", "a\x00b,1", "only one", '"open', "caf\udce9,1"]
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    kept = client.post(f"/api/v1/projects/{project}/items?on_error=keep", files={"file": ("a.csv", data)})
    assert kept.status_code == 201
    assert kept.json()["added"] == 1
    assert [each["line"] for each in kept.json()["refused"]] == [3, 4, 5]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_picture_that_is_a_page_too_is_served_as_a_picture_only(
    make_project: Any, client_for: Any, alice: User
) -> None:
    polyglot = ONE + b"<html><script>alert(1)</script></html>"
    project, client = make_project([], modality="image").id, client_for(alice)
    sent = client.post(f"/api/v1/projects/{project}/items", files={"file": ("a.html.png", polyglot)})
    assert sent.status_code == 201
    item = client.get(f"/api/v1/projects/{project}/items").json()["items"][0]
    for address in (
        f"/api/v1/items/{item['id']}/media",
        f"/projects/{project}/media/{item['content']['image']}",
    ):
        found = client.get(address)
        assert found.content == polyglot
        assert found.headers["content-type"] == "image/png"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert "private" in found.headers["cache-control"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_marks_and_line_ends_of_every_kind_are_read_alike(
    make_project: Any, client_for: Any, alice: User, encoding: str
) -> None:
    text = 'text,n\r\n"a\nb",007\nçà,1e5\r\n\r\n=1+1,-3\r\n'
    data = text.encode(encoding)
    if encoding == "utf-16-be":
        data = b"\xfe\xff" + data
    project, client = make_project([]).id, client_for(alice)
    assert client.post(f"/api/v1/projects/{project}/items", files={"file": ("a.csv", data)}).json()["added"] == 3
    found = client.get(f"/api/v1/projects/{project}/items").json()["items"]
    assert [(one["content"]["text"], one["meta"]["n"]) for one in found] == [
        ("a\nb", "007"),
        ("çà", "1e5"),
        ("=1+1", "-3"),
    ]
    exported = client.get(f"/api/v1/projects/{project}/export?only=all&format=csv").text
    assert "'=1+1" in exported  # what a spreadsheet would run is made a text
    assert "\n=1+1" not in exported


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_cut_connection_leaves_nothing(make_project: Any, client_for: Any, alice: User) -> None:
    project, client = make_project([]).id, client_for(alice)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    path = f"/api/v1/projects/{project}/items"
    headers = {"host": "testserver", "cookie": cookie, "content-type": "text/csv", "content-length": "1000"}
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("testserver", 80),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    messages = [{"type": "http.request", "body": b"text\nhello\n", "more_body": True}, {"type": "http.disconnect"}]
    statuses = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    before = left()
    asyncio.run(client.app(scope, receive, send))
    assert statuses[0] == 400  # for nobody; and no error of ours in the log
    assert left() == before
    with reading() as db:
        assert db.query(Item).count() == 0


@pytest.mark.parametrize(
    ("limits", "said"),
    [(formats.Limits(unpacked_bytes=10**6), "allowed"), (formats.Limits(column_bytes=100), "allowed")],
)
def test_a_text_that_stands_in_many_rows_counts_in_each(limits: formats.Limits, said: str) -> None:
    with pytest.raises(formats.Unreadable, match=said):
        list(formats.get("parquet").read(io.BytesIO(repeated(100_000, 5000)), limits))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rows_beyond_the_setting_are_refused(
    make_project: Any, client_for: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARGINALIA_UPLOAD_LIMIT_ROWS", "2")
    current.cache_clear()
    project, client = make_project([]).id, client_for(alice)
    for name, data in (("a.csv", b"text\na\nb\nc\n"), ("a.parquet", parquet(text=["a", "b", "c"]))):
        sent = client.post(f"/api/v1/projects/{project}/items", files={"file": (name, data)})
        assert sent.status_code == 422
        assert "rows" in repr(sent.json()["errors"])


MULTIPART: list[tuple[str, bytes]] = [
    ("multipart/form-data", b"garbage"),
    ("multipart/form-data; boundary=x", b""),
    ("multipart/form-data; boundary=x", b"--x\r\n"),
    ("multipart/form-data; boundary=x", b"--x--\r\n"),
    ("multipart/form-data; boundary=", b"--\r\n"),
    ("multipart/form-data; boundary=" + "b" * 5000, b"x"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--x--\r\n'),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: nonsense\r\n\r\na\r\n--x--\r\n"),
    ("multipart/form-data; boundary=x", b"--x\r\nX: y\r\n\r\na\r\n--x--\r\n"),
    ("multipart/form-data; boundary=x", b"--x\r\n" + b"H" * 100_000 + b": y\r\n\r\na\r\n--x--\r\n"),
    (
        "multipart/form-data; boundary=x; charset=nonsense",
        b'--x\r\nContent-Disposition: form-data; name="f\xff"; filename="\xff"\r\n\r\na\r\n--x--\r\n',
    ),
    ("multipart/mixed; boundary=x", b"--x--"),
    ("application/octet-stream", b"text\na\n"),
    ("text/html", b"text\na\n"),
    ("", b"text\na\n"),
]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", range(len(MULTIPART)))
def test_a_form_that_is_none_is_refused(make_project: Any, client_for: Any, alice: User, number: int) -> None:
    kind, body = MULTIPART[number]
    project, client = make_project([]).id, client_for(alice)
    for path in (f"/api/v1/projects/{project}/items", f"/projects/{project}/upload"):
        sent = client.post(path, content=body, headers={"Content-Type": kind})
        assert sent.status_code == 422, (path, sent.text)
    assert left() == []


def mutated(rng: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(found)) if found else 0
        match rng.randrange(4):
            case 0 if found:
                found[at] = rng.randrange(256)
            case 1:
                del found[at : at + rng.randint(1, 20)]
            case 2:
                found[at:at] = rng.randbytes(rng.randint(1, 10))
            case 3:
                del found[at:]
    return bytes(found)


SEEDS = {
    "csv": b'text,label\n"a, ""b""",x\nc,d\n' * 3,
    "jsonl": b'{"text":"a"}\n{"text":"b","c":[1,2]}\n',
    "json": b'[{"text":"a"},{"text":"b","c":[1,2,{"d":null}]}]',
    "parquet": TABLE,
    "zip": archive(("d/a.png", ONE), ("d/b.png", ONE)),
}


@pytest.mark.parametrize("name", SEEDS)
def test_no_damage_to_a_file_is_more_than_a_refusal(name: str) -> None:
    rng = random.Random(20261124)
    for _ in range(EXAMPLES):
        data = mutated(rng, SEEDS[name])
        with suppress(formats.Unreadable):
            for row in formats.get(name).read(io.BytesIO(data), formats.Limits()):
                assert isinstance(row, formats.Row | formats.Bad)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_no_damage_to_a_picture_is_more_than_a_refusal(kind: str) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.effect_noise((24, 24), 50).convert("RGB").save(stream, kind)
    rng = random.Random(20261124)
    for _ in range(EXAMPLES):
        with warnings.catch_warnings(), suppress(NotAnImage):
            warnings.simplefilter("ignore")  # Pillow grumbles at broken metadata
            found = examine(mutated(rng, stream.getvalue()), 10_000)
            assert found.width * found.height <= 10_000
