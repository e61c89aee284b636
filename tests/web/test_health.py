"""Health: alive is cheap; ready names the part that is not, and a full disk is said to be one."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, text

from app import broker, jobs, store
from app import db as database_module
from app.db import Database, transaction
from app.models import User, Worker
from app.services import readiness
from tests.conftest import MakeProject

ClientFor = Callable[..., TestClient]


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real broker, and an application that knows it."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    command = [str(broker.binary()), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        monkeypatch.setenv("MARGINALIA_REDIS_URL", f"redis://127.0.0.1:{port}/0")
        broker_url = f"redis://127.0.0.1:{port}/0"
        monkeypatch.setattr(jobs.celery.conf, "broker_url", broker_url)
        monkeypatch.setattr(jobs.celery.conf, "broker_write_url", broker_url)
        deadline = datetime.now(UTC) + timedelta(seconds=20)
        while readiness.look()["broker"] != "ok":
            assert datetime.now(UTC) < deadline
        yield
        server.terminate()


def a_worker(age: float, queues: str = "rounds") -> None:
    with transaction() as db:
        db.merge(Worker(name="w", queues=queues, seen_at=datetime.now(UTC) - timedelta(seconds=age)))


def test_alive_asks_nobody(client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "look", lambda: 1 / 0)
    monkeypatch.setattr(database_module, "database", lambda: 1 / 0)
    assert client_for(None).get("/healthz").json() == {"status": "alive"}


def test_ready_when_every_part_is(client_for: ClientFor, answering: None) -> None:
    a_worker(1)
    response = client_for(None).get("/readyz")
    assert response.json() == dict.fromkeys(("database", "broker", "data_directory", "workers"), "ok")
    assert response.status_code == 200


def test_not_ready_names_every_part_and_why(
    client_for: ClientFor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    a_worker(40)
    free = shutil.disk_usage(store.root())._replace(free=5 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    response = client_for(None).get("/readyz")
    assert response.status_code == 503
    found = response.json()
    assert found["database"].startswith("at migration 0001, not ")
    assert found["broker"] not in ("ok", "")
    assert found["data_directory"] == "5 MiB free"
    assert found["workers"].startswith("silent for 4")


def test_a_worker_for_encoding_alone_makes_nobody_ready(client_for: ClientFor, database: Database) -> None:
    a_worker(1, "encoding")
    assert client_for(None).get("/readyz").json()["workers"] == "never heard of"


def test_an_older_version_goes_on_while_a_newer_one_is_rolled_out(client_for: ClientFor, database: Database) -> None:
    with transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert client_for(None).get("/readyz").json()["database"] == "ok"


def test_a_full_disk_is_a_507_and_what_was_sent_can_be_sent_again(
    client_for: ClientFor, alice: User, bob: User, make_project: MakeProject, database: Database
) -> None:
    """SQLite's own limit on its pages gives the same error as a disk without room."""
    if not database.is_sqlite:
        pytest.skip("the fault rig fills the disk of a PostgreSQL of its own")
    project = make_project([f"text {n}" for n in range(40)])
    client = client_for(bob)
    items = client.get(f"/api/v1/projects/{project.id}/next?n=40").json()["items"]
    limit(database, True)
    refused: list[tuple[str, dict[str, Any]]] = []
    for number, one in enumerate(items):
        path = f"/api/v1/items/{one['item']['id']}/labels"
        body = {"id": f"00000000-0000-4000-8000-{number:012d}", "answer": {"class": "spam"}}
        response = client.post(path, json=body)
        if response.status_code == 507:
            assert response.headers["retry-after"] == "1"
            assert response.json()["title"] == "No room on the disk"
            refused.append((path, body))
        else:
            assert response.status_code == 201
    assert refused
    limit(database, False)
    assert [client.post(path, json=body).status_code for path, body in refused] == [201] * len(refused)
    assert client.get(f"/api/v1/projects/{project.id}/progress").json()["labels"] == 40


def limit(database: Database, is_full: bool) -> None:
    with database.writing.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if is_full else 2**30
    database.writing.dispose()
    event.listen(database.writing, "connect", _narrow(pages))


def _narrow(pages: int) -> Callable[..., None]:
    def narrow(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    return narrow


def test_a_database_that_is_away_is_a_503(client_for: ClientFor, alice: User, database: Database) -> None:
    client = client_for(alice)
    if database.is_sqlite:
        pytest.skip("a file does not go away")
    database_module.use(Database("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    response = client.get("/api/v1/projects")
    assert (response.status_code, response.json()["title"]) == (503, "Not available now")
