"""Migrating beside a system that runs: two at once, locks that others hold, and an index made while people write."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from app import migrate
from app.db import Database
from app.errors import Unavailable
from tests.loop.system import PLACES, missing

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_that_migrate_at_once_take_turns(kind: str, tmp_path: Path) -> None:
    if why_not := missing(kind):
        pytest.skip(why_not)
    with PLACES[kind](tmp_path / "data") as place:
        place.folder.mkdir()
        command = [sys.executable, "-m", "app.cli", "migrate"]
        both = [subprocess.Popen(command, env=place.environment(), cwd=ROOT) for _ in range(2)]
        assert [one.wait(120) for one in both] == [0, 0]
        made = place.database()
        with made.reading.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        made.close()
        assert found == [migrate.revisions()[0]]


@pytest.fixture
def postgres(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer, and no locks on tables")
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.05)
    return database


def holding(database: Database, released: threading.Event, held: threading.Event) -> threading.Thread:
    """Somebody else's long transaction, which has every table locked."""

    def hold() -> None:
        engine = create_engine(database.url)
        with engine.begin() as connection:
            for name in inspect(connection).get_table_names():
                connection.execute(text(f'LOCK TABLE "{name}" IN ACCESS SHARE MODE'))
            held.set()
            released.wait(30)
        engine.dispose()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    return thread


def test_a_migration_waits_a_moment_for_its_lock_and_tries_again(postgres: Database) -> None:
    released, held = threading.Event(), threading.Event()
    thread = holding(postgres, released, held)
    threading.Timer(0.8, released.set).start()
    migrate.downgrade("0001")
    thread.join()
    migrate.upgrade()
    with postgres.reading.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == migrate.revisions()[0]
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "0"


def test_a_lock_that_is_never_given_is_told_and_nothing_is_half(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TRIES", 2)
    released, held = threading.Event(), threading.Event()
    thread = holding(postgres, released, held)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="locks"):
        migrate.downgrade("0001")
    assert time.monotonic() - began < 20
    released.set()
    thread.join()
    migrate.upgrade()


def test_an_index_is_made_concurrently_also_where_one_was_interrupted(postgres: Database, tmp_path: Path) -> None:
    head = migrate.revisions()[0]
    (tmp_path / "9999_index.py").write_text(
        f"from migrations import online\nrevision = '9999'\ndown_revision = '{head}'\n"
        "def upgrade():\n    online.create_index('ix_try', 'label', ['created_at'])\n"
        "def downgrade():\n    online.drop_index('ix_try', 'label')\n"
    )
    plain = migrate.config

    def config() -> Config:
        made = plain()
        made.set_main_option("path_separator", "newline")
        made.set_main_option("version_locations", f"{migrate.FOLDER / 'versions'}\n{tmp_path}")
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrate, "config", config)
        with postgres.writing.begin() as connection:  # as an interrupted one leaves it: there, and not valid
            connection.execute(text("CREATE INDEX ix_try ON label (item_id)"))
            connection.execute(text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_try'::regclass"))
        migrate.upgrade()
        with postgres.reading.connect() as connection:
            valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_try'::regclass"
            assert connection.execute(text(valid)).scalar() is True
            columns = [
                one["column_names"] for one in inspect(connection).get_indexes("label") if one["name"] == "ix_try"
            ]
            assert columns == [["created_at"]]
        migrate.downgrade(head)
