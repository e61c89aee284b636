"""The commands, a file a group; each file's `add` puts its commands into the parser."""

import argparse
import os
from typing import Any

from app.errors import NotFound
from app.settings import Settings, current


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options that say where the system's data are."""
    parser.add_argument("--data-dir", metavar="DIR", help="the data directory (MARGINALIA_DATA_DIR)")
    parser.add_argument("--database-url", metavar="URL", help="PostgreSQL; without it SQLite (DATABASE_URL)")


def settings(args: argparse.Namespace) -> Settings:
    """The settings of this process, with the command's options in front of the environment."""
    for name in Settings.model_fields:
        value: Any = getattr(args, name, None)
        if value is not None:
            os.environ[f"MARGINALIA_{name.upper()}"] = str(value)
    current.cache_clear()
    return current()


def migrated(args: argparse.Namespace) -> Settings:
    """The settings, and behind them a database of the newest schema."""
    found = settings(args)
    from app import migrate

    migrate.upgrade()
    return found


def existing(args: argparse.Namespace) -> Settings:
    """The same, for commands that only read: a mistyped directory is refused, not filled with a new database."""
    found = settings(args)
    if not found.database_url and not (found.data_dir / "marginalia.sqlite3").exists():
        raise NotFound(f"There is no database in {found.data_dir}.")
    return migrated(args)
