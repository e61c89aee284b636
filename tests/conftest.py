"""Fixtures: a fresh database for each test, three standing people, projects, clients.

Every test gets a database file of its own, copied from one that was migrated once: real commits, real threads, and
nothing left behind. Where PostgreSQL answers, the same tests run on it, in a database made from a template.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from app import db as database_module
from app import jobs, migrate, store
from app.db import Database, transaction
from app.models import Project, User
from app.services import projects, users
from app.settings import current

PASSWORD = "correct horse battery"
POSTGRES = os.environ.get("MARGINALIA_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def postgres_answers() -> bool:
    try:
        psycopg.connect(POSTGRES, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


HAS_POSTGRES = postgres_answers()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "marginalia.sqlite3"
    database_module.use(Database(f"sqlite:///{path}"))
    migrate.upgrade()
    database_module.use(None)
    return path


def _run(statement: str) -> None:
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    name = f"marginalia_test_{uuid4().hex[:12]}"
    _run(f"CREATE DATABASE {name}")
    database_module.use(Database(_url(name)))
    migrate.upgrade()
    database_module.use(None)
    yield name
    _run(f"DROP DATABASE {name} WITH (FORCE)")


def _url(name: str) -> str:
    return POSTGRES.replace("postgresql://", "postgresql+psycopg://").rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("DATABASE_URL", "REDIS_URL", "MARGINALIA_DATABASE_URL", "MARGINALIA_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MARGINALIA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MARGINALIA_TRUSTED_HOSTS", "testserver")  # what the test client calls the application
    current.cache_clear()
    store.root().mkdir()
    yield store.root()
    current.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[Database]:
    """A fresh, migrated database that the whole process uses."""
    name = ""
    if request.param == "sqlite":
        copy = data_dir / "marginalia.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), copy)
        url = f"sqlite:///{copy}"
    else:
        if not HAS_POSTGRES:
            pytest.skip("no PostgreSQL answers; MARGINALIA_TEST_POSTGRES names one")
        name = f"marginalia_test_{uuid4().hex[:12]}"
        _run(f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('postgres_template')}")
        url = _url(name)
    made = Database(url)
    if made.is_sqlite:  # a test kills no machine, and each of its commits would wait for the disk
        event.listen(made.writing, "connect", lambda connection, _: connection.execute("pragma synchronous=off"))
    database_module.use(made)
    yield made
    database_module.use(None)
    if name:
        _run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...]]]:
    """The jobs that were handed to the broker, in place of a broker: what is tested is when they are sent."""
    kept: list[tuple[str, tuple[int, ...]]] = []
    monkeypatch.setattr(jobs, "send", kept.extend)
    return kept


def _person(name: str, is_admin: bool = False) -> User:
    with transaction() as db:
        return users.add_user(db, f"{name.lower()}@example.org", name, PASSWORD, is_admin, NOW)


@pytest.fixture
def alice(database: Database, sent: list[Any], quick_passwords: None) -> User:
    """Alice leads."""
    return _person("Alice", is_admin=True)


@pytest.fixture
def bob(database: Database, sent: list[Any], quick_passwords: None) -> User:
    """Bob labels."""
    return _person("Bob")


@pytest.fixture
def charlie(database: Database, sent: list[Any], quick_passwords: None) -> User:
    """Charlie is a stranger."""
    return _person("Charlie")


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real argon2 at its least cost: the default takes 50 ms a hash, which a test file would pay hundreds of times."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


MakeProject = Callable[..., Project]


@pytest.fixture
def make_project(alice: User, bob: User) -> MakeProject:
    """A project that Alice leads and Bob annotates; `texts` become its items, `fields` change the defaults."""

    def make(texts: list[str] | None = None, members: dict[str, str] | None = None, **fields: Any) -> Project:
        wanted = {
            "name": "Mails",
            "modality": "text",
            "task": {"kind": "classification", "classes": [{"name": "spam"}, {"name": "ham"}]},
            **fields,
        }
        with transaction() as db:
            project = projects.create_project(db, users.caller(alice), wanted, NOW)
            projects.add_member(db, project, bob.email, "annotator", NOW)
            for email, role in (members or {}).items():
                projects.add_member(db, project, email, role, NOW)
            add_items(db, project, texts if texts is not None else [])
        return project

    return make


def add_items(db: Any, project: Project, texts: list[str]) -> None:
    """Items with keys in their own order, so that the audit order is the order of the list."""
    from hashlib import blake2b

    from app.models import Item

    for number, text in enumerate(texts):
        row = project.next_row + number
        db.add(
            Item(
                project_id=project.id,
                row=row,
                external_id=None,
                content={"text": text},
                content_hash=blake2b(text.encode(), digest_size=16).digest(),
                key=(row + 0.5) / 1000,
                slots=project.recipe["votes_wanted"],
                created_at=NOW,
            )
        )
    project.next_row += len(texts)
    db.merge(project)
    db.flush()


@pytest.fixture
def client_for(database: Database, sent: list[Any]) -> Iterator[Callable[[User | None], TestClient]]:
    """A client of the real application, signed in by cookie as this person; None: nobody."""
    from app.web.deps import COOKIE
    from app.web.main import make_app

    app = make_app()
    clients: list[TestClient] = []

    def client(user: User | None, token: bool = False) -> TestClient:
        made = TestClient(app, base_url="http://testserver", follow_redirects=False)
        if user is not None:
            with transaction() as db:
                if token:
                    key = users.create_token(db, user.id, "test", "all", None, datetime.now(UTC))
                    made.headers["Authorization"] = f"Bearer {key}"
                else:
                    made.cookies.set(COOKIE, users.start_sign_in(db, user.id, datetime.now(UTC)))
        clients.append(made)
        return made

    yield client
    for made in clients:
        made.close()
