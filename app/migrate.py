"""Bringing a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from app.db import database

FOLDER = Path(__file__).parent.parent / "migrations"


def config() -> Config:
    """Alembic's configuration, without a file of its own."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return made


def upgrade(revision: str = "head") -> None:
    """Migrate this process's database; SQLite's fair lock is not needed, nobody else is up yet."""
    with database().writing.connect() as connection:
        if connection.dialect.name == "postgresql":
            # Two that start at once take turns; the second finds nothing left to do.
            connection.exec_driver_sql("SELECT pg_advisory_lock(7240111)")
            connection.commit()
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, revision)
        connection.commit()
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_unlock(7240111)")
            connection.commit()
