"""Making a backup while people work: the rows from one snapshot, then the files, so that every reference is there."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson
from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from app import store
from app.db import reading
from app.services.backups import container, rows
from app.services.exports import snapshot

FORMAT = 1
PIECE_BYTES = 16 * 2**20  # of rows in one file: what is held in memory
ALWAYS = ("media", "uploads")
ARRAYS = "projects"  # can be computed again


@dataclass(frozen=True)
class Made:
    """A finished backup: its manifest's SHA-256, and how much is in it."""

    digest: str
    rows: int
    files: int
    bytes: int


def backup(target: Path, has_arrays: bool = True) -> Made:
    """Write everything to a directory or a `.tar` file. Raises Conflict where something is there already."""
    with container.writing(target) as into:
        counts, revision = _rows(into)
        names = (*ALWAYS, ARRAYS) if has_arrays else ALWAYS
        for name in names:
            # Arrays are joined and forgotten while people work: one that is gone can be computed again.
            for path, file, size in store.opened(store.root() / name):
                into.add(f"store/{path.relative_to(store.root()).as_posix()}", file, size)
        manifest = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(),
            "version": version("marginalia"),
            "migration": revision,
            "tables": {
                str(table.name): {  # SQLAlchemy's own kind of text, where a name is quoted
                    "rows": counts[table.name],
                    "columns": [[str(column.name), rows.kind_of(column)] for column in table.columns],
                }
                for table in rows.tables()
            },
            "files": into.files,
        }
        content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
        count, total = len(into.files), into.bytes
        into.add_bytes(container.MANIFEST, content)
    return Made(hashlib.sha256(content).hexdigest(), sum(counts.values()), count, total)


def _rows(into: container.Sums) -> tuple[dict[str, int], str]:
    """Every table from one snapshot; how many rows each has, and at which migration the database is."""
    counts: dict[str, int] = {}
    with reading() as db:
        snapshot(db)
        revision = db.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        for table in rows.tables():
            counts[table.name] = 0
            for number, (content, count) in enumerate(_pieces(db, table)):
                into.add_bytes(f"rows/{table.name}/{number:06d}.jsonl", content)
                counts[table.name] += count
    return counts, revision


def _pieces(db: Session, table: Table) -> Iterator[tuple[bytes, int]]:
    """The table's lines in pieces that fit into memory, with the number of lines in each."""
    held: list[bytes] = []
    size = 0
    for page in rows.lines(db, table):
        held += page
        size += sum(map(len, page))
        if size >= PIECE_BYTES:
            yield b"".join(held), len(held)
            held, size = [], 0
    if held:
        yield b"".join(held), len(held)
