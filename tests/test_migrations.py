"""Migrations on a database that holds something: what was there still works, and each can be undone."""

from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import insert, select

from app import migrate
from app.db import Database, transaction
from app.models import Project

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def back(database: Database):
    """Migrate this test's database down to a revision."""

    def go(revision: str) -> None:
        with database.writing.connect() as connection:
            made = migrate.config()
            made.attributes["connection"] = connection
            command.downgrade(made, revision)
            connection.commit()

    return go


def test_a_cold_start_that_was_called_typical_is_found_under_its_new_name(back):
    back("0001")
    with transaction() as db:
        recipe = {"cold_start": {"name": "typical", "bandwidth": 0.8}, "strategy": {"name": "margin"}}
        fields = {"name": "Mails", "modality": "text", "task": {}, "guidelines": "", "created_at": NOW, "next_row": 0}
        db.execute(insert(Project).values(recipe=recipe, **fields))
    migrate.upgrade()
    with transaction() as db:
        now = db.scalar(select(Project.recipe))
        assert now == {**recipe, "cold_start": {"name": "maxherding", "bandwidth": 0.8}}
    back("0001")
    with transaction() as db:
        assert db.scalar(select(Project.recipe)) == recipe
