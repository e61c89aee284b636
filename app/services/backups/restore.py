"""Restoring a backup: checked whole before anything is written, files first, then all rows in one transaction."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import delete, exists, func, select, text
from sqlalchemy.orm import Session

from app import migrate, store
from app.db import reading, transaction
from app.errors import BadInput, Conflict
from app.models import Project, User, Worker
from app.services import check
from app.services.backups import container, rows
from app.services.backups.backup import FORMAT
from app.services.findings import Finding

ALIVE_WITHIN = timedelta(seconds=30)
SMALL_BYTES, TOGETHER = 2**20, 32  # small files are stored together: a bucket takes as long for one as for many


@dataclass(frozen=True)
class Restored:
    """What was restored, and what the check says of it afterwards."""

    made_at: str
    rows: int
    files: int
    findings: list[Finding]


def restore(source: Path, replace: bool = False, expected: str | None = None) -> Restored:
    """Fill an empty system from a backup; with `replace` also one that is not empty.

    Raises BadInput for a backup that is not whole or of a newer version, Conflict for a system that is not empty or
    that runs. What was there stays until the rows are replaced, in one transaction.
    """
    told = container.verified(source, expected)
    _check_version(told)
    revision = str(told["migration"])
    if not _is_migrated():
        migrate.upgrade(revision)  # as the backup's rows are; what came later follows below
    _refuse_if_in_use(replace)
    if _revision() != revision:
        if not _is_empty():
            raise Conflict("This system's tables are of another version than the backup; restore into an empty one.")
        migrate.downgrade(revision)
    files = _restore_files(source, replace)
    count = _restore_rows(source, told)
    migrate.upgrade()
    found = check.examine(datetime.now(UTC), mend=True)
    return Restored(str(told["made_at"]), count, files, found)


def _check_version(told: dict[str, Any]) -> None:
    if told.get("format") != FORMAT:
        raise BadInput(f"This backup has the format {told.get('format')}; this version reads {FORMAT}.")
    if told["migration"] not in migrate.revisions():
        raise BadInput(f"This backup was made by version {told['version']}, which is newer than this one.")


def _is_migrated() -> bool:
    return bool(_revision())


def _revision() -> str:
    from sqlalchemy import inspect

    with reading() as db:
        if not inspect(db.connection()).has_table("alembic_version"):
            return ""
        return db.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _is_empty() -> bool:
    with reading() as db:
        return not (db.scalar(select(exists().select_from(User))) or db.scalar(select(exists().select_from(Project))))


def _refuse_if_in_use(replace: bool) -> None:
    with reading() as db:
        seen = db.scalar(select(func.max(Worker.seen_at)))
    if seen is not None and datetime.now(UTC) - seen < ALIVE_WITHIN:
        raise Conflict("This system runs: a worker was heard of in the last half minute. Stop it first.")
    if not replace and not _is_empty():
        raise Conflict("This system is not empty. Restore into an empty one, or say --replace to lose what is here.")


def _restore_files(source: Path, replace: bool) -> int:
    if replace:
        store.forget_arrays()
    count = 0
    small: dict[Path, bytes] = {}
    for name, file in container.files(source):
        if name.startswith("store/"):
            path, head = _place(name), file.read(SMALL_BYTES)
            if len(head) < SMALL_BYTES:
                small[path] = head
            else:
                with store.writing(path, is_durable=False) as into:
                    into.write(head)
                    shutil.copyfileobj(file, into, 2**20)
            count += 1
        if len(small) >= TOGETHER:
            store.write_many(small)
            small = {}
    store.write_many(small)
    store.flush()
    return count


def _place(name: str) -> Path:
    """Where a file of the store belongs. Raises BadInput for a name that leads out of it."""
    parts = PurePosixPath(name).parts[1:]
    if not parts or ".." in parts or PurePosixPath(*parts).is_absolute():
        raise BadInput(f"The backup holds a file with a bad name: {name[:200]}")
    return store.root().joinpath(*parts)


def _restore_rows(source: Path, told: dict[str, Any]) -> int:
    """All rows in one transaction, tables in the manifest's order: each after those that it points at."""
    with transaction() as db:
        for name, columns in reversed(list(_by_table(told))):
            db.execute(delete(rows.target(name, columns)))
        db.execute(delete(Worker))
        counts: dict[str, int] = {}
        for name, columns in _by_table(told):
            counts[name] = 0
            table = rows.target(name, columns)
            for piece in _pieces(source, name):
                page = piece.readlines()
                rows.insert(db, table, columns, page)
                counts[name] += len(page)
            _number_on(db, name, columns)
        wrong = [name for name, count in counts.items() if count != told["tables"][name]["rows"]]
        if wrong:
            raise BadInput(f"The backup holds another number of rows than it says: {', '.join(wrong)}.")
    return sum(counts.values())


def _by_table(told: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for name, facts in told["tables"].items():
        yield name, [(column, kind) for column, kind in facts["columns"]]


def _pieces(source: Path, table: str) -> Iterator[IO[bytes]]:
    """The table's files. Reading a tar once a table costs seeks over its headers, and no memory."""
    for name, file in container.files(source):
        if name.startswith(f"rows/{table}/"):
            yield file


def _number_on(db: Session, name: str, columns: list[tuple[str, str]]) -> None:
    """PostgreSQL counts on from the largest id; SQLite does so by itself."""
    if db.get_bind().dialect.name == "postgresql" and ("id", "int") in columns:
        largest = f"SELECT setval(pg_get_serial_sequence(:name, 'id'), max(id)) FROM \"{name}\" HAVING max(id) > 0"
        db.execute(text(largest), {"name": f'"{name}"'})
