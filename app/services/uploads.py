"""Uploads: keep a file that somebody sent, and add its rows to a project, each content once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import jobs, store
from app.db import transaction
from app.errors import BadInput, NotFound, TooLarge
from app.models import Project, Upload
from app.services import quotas
from app.services import upload_insert as insertion
from app.services.upload_check import OnError, check
from app.services.upload_mapping import Mapping, Preview, preview
from app.services.upload_spool import Checked
from app.settings import current

__all__ = ["Checked", "Mapping", "Preview", "Result", "check", "import_file", "keep", "preview", "spool"]

SPOOLS = "uploads"
_CHUNK_BYTES = 2**20
_ERRORS_RECORDED = 100


@dataclass(frozen=True)
class Result:
    """What became of a file: items added, rows that were there already, and rows refused (the first 1,000)."""

    added: int
    duplicates: int
    refused: list[dict[str, Any]]
    refused_count: int


def spool(stream: BinaryIO) -> str:
    """Copy what is sent into the store, needing no database; returns the name for `spool_path`. Raises TooLarge."""
    name = secrets.token_hex(16)
    limit = current().upload_limit_bytes
    with store.writing(spool_path(name)) as file:
        written = 0
        while chunk := stream.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > limit:
                raise TooLarge(f"The file is larger than {limit:,} bytes.")
            file.write(chunk)
    return name


def spool_path(name: str) -> Path:
    """Where a spooled file lies."""
    return store.root() / SPOOLS / Path(name).name


def keep(
    db: Session, project: Project, user_id: int | None, file_name: str, spooled: str | None, now: datetime
) -> Upload:
    """Remember a spooled file until its columns are mapped."""
    upload = Upload(
        project_id=project.id,
        user_id=user_id,
        file_name=file_name.encode("utf-8", "replace").decode().replace("\x00", "")[:500],
        spool=spooled,
        state="waiting",
        created_at=now,
    )
    db.add(upload)
    db.flush()
    return upload


def waiting(db: Session, project: Project, upload_id: int) -> Upload:
    """A file of this project that waits for its mapping. Raises NotFound."""
    upload = db.get(Upload, upload_id)
    if upload is None or upload.project_id != project.id or upload.state != "waiting" or not upload.spool:
        raise NotFound("This upload is not there any more; send the file again.")
    return upload


def forget_spools(now: datetime, age: timedelta = timedelta(days=1)) -> int:
    """Delete spooled files that nothing waits for, or waits for too long, and journals of checks; returns how many."""
    with transaction() as db:
        old = Upload.created_at < now - age
        db.execute(update(Upload).where(Upload.state == "waiting", old).values(state="refused", spool=None))
        wanted = set(db.scalars(select(Upload.spool).where(Upload.spool.is_not(None))))
    spools = [spool_path(name) for name in store.names_in(store.root() / SPOOLS) if name not in wanted]
    before = (now - age).timestamp()
    stale = [path for path in [*spools, *store.folder("checks").iterdir()] if store.is_older(path, before)]
    for path in stale:
        store.delete(path)
    return len(stale)


def import_file(
    db: Session,
    project: Project,
    user_id: int | None,
    path: Path,
    file_name: str,
    mapping: Mapping,
    on_error: OnError,
    now: datetime,
    rng: np.random.Generator,
    checked: Checked | None = None,
    upload: Upload | None = None,
) -> Result:
    """Add a file's items, all in the caller's transaction. Raises BadInput, and then nothing was added.

    Reading a file takes long: whoever can calls `check()` before the transaction and hands its result in.
    `upload` is the record that waited for this, if one did.
    """
    if mapping.label and mapping.label_as == "import" and user_id is None:
        raise BadInput("Imported labels need a person whose answers they are.", added=0)
    with checked or check(project.modality, project.task, path, file_name, mapping, on_error) as ready:
        insertion.hold(db, project)
        if project.next_row:
            insertion.leave_out_known(db, project, ready)
            if ready.refusals.count and on_error == "refuse":
                raise ready.refusals.as_input_error(file_name)
        quotas.refuse_beyond(ready, quotas.held(db, project))
        added, size = insertion.insert(db, project, ready, user_id, mapping.label_as, now, rng)
        result = Result(added, ready.duplicates, ready.refusals.errors, ready.refusals.count)
    _record(db, upload or keep(db, project, user_id, file_name, None, now), result, size)
    jobs.enqueue(db, "run_encoding", project.id)
    return result


def _record(db: Session, upload: Upload, result: Result, size: int) -> None:
    upload.state, upload.spool = "imported", None
    upload.bytes = size
    upload.added, upload.duplicates, upload.refused = result.added, result.duplicates, result.refused_count
    upload.errors = result.refused[:_ERRORS_RECORDED]
    db.flush()
