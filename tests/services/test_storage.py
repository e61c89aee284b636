"""Shared storage: hosts that share a bucket and nothing else do everything that one with a folder does."""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app import copies, files, storage, store
from app.db import Database, reading, transaction
from app.models import Encoding, Project, User
from app.services import check, deleting, media_left, sweep, uploads
from app.services.backups.backup import backup
from app.services.backups.restore import restore
from app.settings import current
from tests.conftest import MakeProject
from tests.faults.proxy import Proxy
from tests.services import s3
from workers import tasks

IMAGES = 12
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3.serving() as port:
        yield port


@pytest.fixture
def hosts(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.Hosts]:
    for name in ("STORAGE", "STORAGE_OPTIONS", "DATA_DIR"):
        monkeypatch.setenv(f"MARGINALIA_{name}", os.environ.get(f"MARGINALIA_{name}", ""))  # put back afterwards
    yield s3.Hosts(tmp_path)
    storage.bucket.cache_clear()


@pytest.fixture(params=["s3", "file", "memory"])
def stored(request: pytest.FixtureRequest, hosts: s3.Hosts, tmp_path: Path) -> Callable[[], None]:
    """Goes to an empty storage of this kind."""

    def go() -> None:
        if request.param == "s3":
            port = request.getfixturevalue("server")
            hosts.store_in(s3.new_bucket(port), s3.options(port))
        else:
            place = f"/{uuid4().hex}" if request.param == "memory" else f"{tmp_path}/far-{uuid4().hex[:6]}"
            hosts.store_in(f"{request.param}://{place}")

    go()
    return go


def archive() -> bytes:
    """Small images in two folders, which are their classes."""
    packed, rng = io.BytesIO(), np.random.default_rng(0)
    with zipfile.ZipFile(packed, "w") as made:
        for k in range(IMAGES):
            picture = io.BytesIO()
            shade = rng.integers(0, 100, (8, 8, 3), dtype=np.uint8) + (120 if k % 2 else 0)
            Image.fromarray(shade.astype(np.uint8)).save(picture, "PNG")
            made.writestr(f"{k}.png", picture.getvalue())
    return packed.getvalue()


def work(project_id: int) -> None:
    for _ in range(6):
        tasks.run_encoding(project_id)
    tasks.run_round(project_id)
    tasks.measure_round(project_id)


@on_sqlite
def test_from_upload_to_restore_over_hosts_that_share_a_bucket_only(
    stored: Callable[[], None],
    hosts: s3.Hosts,
    make_project: MakeProject,
    client_for: Callable[..., TestClient],
    alice: User,
    bob: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project(modality="image", recipe={"encoder": {"name": "pixels"}, "retrain_every": 4})
    lead, annotator = client_for(alice), client_for(bob)
    web = hosts.go("web")
    sent = lead.post(
        f"/api/v1/projects/{project.id}/items", content=archive(), headers={"Content-Type": "application/zip"}
    )
    assert (sent.status_code, sent.json()["added"]) == (201, IMAGES)
    worker = hosts.go("worker")
    work(project.id)
    hosts.go("web")
    seen = set()
    for _ in range(8):
        claim = annotator.get(f"/api/v1/projects/{project.id}/next").json()["items"][0]["item"]
        picture = annotator.get(f"/api/v1/items/{claim['id']}/media")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        light = np.asarray(Image.open(io.BytesIO(picture.content))).mean() > 100
        answer = {"id": str(uuid4()), "answer": {"class": "spam" if light else "ham"}}
        assert annotator.post(f"/api/v1/items/{claim['id']}/labels", json=answer).status_code == 201
        seen.add(claim["content"]["image"])
    hosts.go("worker")
    work(project.id)
    told = lead.get(f"/api/v1/projects/{project.id}/progress").json()
    assert (told["round"], told["labels"], told["encoding"][0]["rows_done"]) == (2, 8, IMAGES)
    hosts.go("web")
    exported = lead.get(f"/api/v1/projects/{project.id}/export", params={"only": "all", "predictions": True})
    lines = [json.loads(line) for line in exported.text.splitlines()]
    assert [line["prediction"]["round"] for line in lines] == [2] * IMAGES
    assert check.examine(datetime.now(UTC)) == []
    for place in (web, worker):  # nothing that another host needs is there
        assert not {"media", "projects", "left"} & {path.name for path in place.iterdir()}
    made = backup(tmp_path / "copy.tar")
    stored()
    hosts.go("restored")
    assert not store.exists(store.media_path(next(iter(seen))))
    with transaction() as db:
        deleting.delete_project(db, db.get_one(Project, project.id))
    done = restore(tmp_path / "copy.tar", replace=True, expected=made.digest)
    assert (done.findings, done.files > IMAGES) == ([], True)
    assert lead.get(f"/api/v1/projects/{project.id}/export").text.count("\n") == 8
    work(project.id)
    assert check.examine(datetime.now(UTC)) == []


def test_a_file_that_waits_is_mapped_on_another_host(stored: Any, hosts: s3.Hosts) -> None:
    hosts.go("one")
    name = uploads.spool(io.BytesIO(b"text\nhello\n"))
    hosts.go("two")
    path = store.local(uploads.spool_path(name), is_fixed=True)
    assert uploads.preview(path, "a.csv", "text").columns == ("text",)
    store.delete(uploads.spool_path(name))
    hosts.go("three")
    with pytest.raises(FileNotFoundError):
        store.local(uploads.spool_path(name), is_fixed=True)


def test_what_was_written_anew_is_seen_by_whoever_has_a_copy(stored: Any, hosts: s3.Hosts) -> None:
    hosts.go("one")
    store.save_arrays(store.project_folder(1) / "kept.npz", numbers=np.zeros(5))
    hosts.go("two")
    assert store.read_arrays(store.project_folder(1) / "kept.npz")["numbers"].tolist() == [0.0] * 5
    hosts.go("one")
    store.save_arrays(store.project_folder(1) / "kept.npz", numbers=np.ones(5))
    hosts.go("two")
    assert store.read_arrays(store.project_folder(1) / "kept.npz")["numbers"].tolist() == [1.0] * 5
    store.forget_project(1)
    hosts.go("one")
    with pytest.raises(FileNotFoundError):
        store.read_arrays(store.project_folder(1) / "kept.npz")
    assert store.projects_on_disk() == set()


@on_sqlite
def test_a_shard_that_is_cut_off_is_found_and_mended_in_a_bucket(
    stored: Any, hosts: s3.Hosts, make_project: MakeProject
) -> None:
    project = make_project(["one", "two"], recipe={"encoder": {"name": "hashed_ngrams"}})
    hosts.go("worker")
    tasks.run_encoding(project.id)
    with reading() as db:
        (fingerprint,) = [one.fingerprint for one in db.query(Encoding).filter_by(project_id=project.id)]
    path = store.shard_path(store.features_folder(project.id, fingerprint), 0, 2)
    store.write_many({path: files.read(path)[:-8]})
    (found,) = check.examine(datetime.now(UTC), mend=True)
    assert (found.invariant, found.mended) == ("shards", True)
    assert not store.exists(path)
    tasks.run_encoding(project.id)
    assert check.examine(datetime.now(UTC)) == []


def test_copies_keep_to_their_room_and_spare_what_is_in_use(hosts: s3.Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts.store_in(f"memory:///{uuid4().hex}")
    monkeypatch.setenv("MARGINALIA_COPIES_BYTES", "5000")
    hosts.go("one")
    shas = [f"{k:064x}" for k in range(10)]
    store.keep_media(dict.fromkeys(shas, b"x" * 1000))
    paths = [store.local_medium(sha) for sha in shas]
    now = time.time()
    assert copies.trim(now) == 10_000  # all were asked for a moment ago
    for age, path in enumerate(reversed(paths)):
        os.utime(path, (now - 100 - age, now - 100 - age))
    assert copies.trim(now) <= 5000
    assert [path.exists() for path in paths] == [False] * 6 + [True] * 4
    assert store.local_medium(shas[0]).read_bytes() == b"x" * 1000
    assert copies.size() == 5000


@on_sqlite
def test_an_image_that_was_set_aside_comes_back_to_whoever_shows_it(
    stored: Any, hosts: s3.Hosts, database: Database
) -> None:
    hosts.go("one")
    kept, gone = "a" * 64, "b" * 64
    store.keep_media({kept: b"1", gone: b"2"})
    media_left._list("7-", [kept, gone])
    later = datetime.now(UTC) + timedelta(days=2)
    media_left.collect(later)
    assert [store.exists(store.media_path(sha)) for sha in (kept, gone)] == [False, False]
    hosts.go("two")
    assert store.local_medium(kept).read_bytes() == b"1"
    assert store.exists(store.media_path(kept))
    assert media_left.collect(later) == 2  # what is aside is of no project
    assert [store.exists(store.aside(sha)) for sha in (kept, gone)] == [False, False]
    assert store.names_in(store.root() / "left") == []


@on_sqlite
@pytest.mark.parametrize(
    ("status", "code", "said"), [(500, "InternalError", 503), (403, "QuotaExceeded", 507), (403, "AccessDenied", 503)]
)
def test_a_bucket_that_answers_errors_refuses_and_leaves_nothing(
    status: int,
    code: str,
    said: int,
    hosts: s3.Hosts,
    make_project: MakeProject,
    client_for: Callable[..., TestClient],
    alice: User,
    server: int,
) -> None:
    project = make_project(modality="image", recipe={"encoder": {"name": "pixels"}})
    lead, url = client_for(alice), f"/api/v1/projects/{project.id}/items"
    zipped = {"Content-Type": "application/zip"}
    good = s3.new_bucket(server)
    hosts.go("one")
    with s3.failing(status, code) as port:
        hosts.store_in(good, s3.options(port))
        refused = lead.post(url, content=archive(), headers=zipped)
        assert (refused.status_code, refused.headers["retry-after"]) == (said, "1")
        assert "a-secret-of-the-test" not in refused.text
        ready = lead.get("/readyz")
        assert (ready.status_code, ready.json()["data_directory"]) == (503, "ok")
        assert ready.json()["storage"] in ("StorageAway", "OSError")
    assert lead.get(f"/api/v1/projects/{project.id}/progress").json()["items"] == 0
    hosts.store_in(good, s3.options(server))
    assert lead.post(url, content=archive(), headers=zipped).json()["added"] == IMAGES
    assert lead.get("/readyz").json()["storage"] == "ok"
    with s3.failing(status, code) as port:  # features cannot be written: put off, and not given up
        hosts.store_in(good, s3.options(port))
        with pytest.raises((storage.StorageAway, OSError)):
            tasks.run_encoding(project.id)
    hosts.store_in(good, s3.options(server))
    work(project.id)
    progress = lead.get(f"/api/v1/projects/{project.id}/progress").json()
    assert (progress["encoding"][0]["error"], progress["encoding"][0]["rows_done"]) == (None, IMAGES)
    assert check.examine(datetime.now(UTC)) == []


KILLED = """
import sys
from app import store
path = store.root() / "projects" / "1" / "checkpoint.npz"
with store.writing(path) as file:
    file.write(b"new" * 10_000_000)
    print("sending", flush=True)
"""


def test_a_process_killed_in_the_middle_of_a_put_leaves_what_was_there(hosts: s3.Hosts, server: int) -> None:
    url = s3.new_bucket(server)
    hosts.store_in(url, s3.options(server))
    hosts.go("one")
    path = store.root() / "projects" / "1" / "checkpoint.npz"
    store.write_many({path: b"old"})
    slow = Proxy(server)
    slow.delay = 0.05  # a piece: the whole takes half a minute
    hosts.store_in(url, s3.options(slow.port))
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"sending\n"
    time.sleep(2)
    process.kill()
    process.wait()
    process.stdout.close()
    slow.close()
    hosts.store_in(url, s3.options(server))
    assert files.read(path) == b"old"
    assert len(store.temporary_files()) == 1
    store.forget_temporary(time.time() + 1)  # as the sweep does a day later
    assert store.temporary_files() == []
    store.write_many({path: b"new"})
    assert files.read(path) == b"new"


@on_sqlite
def test_the_sweep_forgets_what_nobody_needs_in_a_bucket(stored: Any, hosts: s3.Hosts, database: Database) -> None:
    hosts.go("one")
    store.save_arrays(store.project_folder(7) / "kept.npz", numbers=np.zeros(5))
    name = uploads.spool(io.BytesIO(b"text\n"))
    sweep.tidy_store(datetime.now(UTC))
    assert (store.projects_on_disk(), store.exists(uploads.spool_path(name))) == (set(), True)
    sweep.tidy_store(datetime.now(UTC) + timedelta(days=2))
    assert not store.exists(uploads.spool_path(name))


def test_a_folder_elsewhere_is_used_as_it_is(data_dir: Path, hosts: s3.Hosts, tmp_path: Path) -> None:
    hosts.store_in(str(tmp_path / "shared"))
    store.keep_medium("a" * 64, b"x")
    assert (tmp_path / "shared" / "media" / "aa" / ("a" * 64)).read_bytes() == b"x"
    assert store.local_medium("a" * 64) == store.media_path("a" * 64)
    assert list(data_dir.iterdir()) == []
    assert current().storage == str(tmp_path / "shared")
