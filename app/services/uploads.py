"""Uploads: keep a file that somebody sent, and add its rows to a project, each content once."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import numpy as np
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app import jobs, store
from app.errors import BadInput, NotFound, TooLarge
from app.models import Item, Label, Project, Upload
from app.services.upload_check import Checked, OnError, Refusals, check
from app.services.upload_mapping import Mapping, Preview, preview
from app.services.upload_rows import Candidate
from app.settings import current

__all__ = ["Checked", "Mapping", "Preview", "Result", "check", "import_file", "keep", "preview", "spool"]

_CHUNK_BYTES = 2**20
_BLOCK_ROWS = 1000
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
    with store.writing(store.folder("uploads") / name) as file:
        written = 0
        while chunk := stream.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > limit:
                raise TooLarge(f"The file is larger than {limit:,} bytes.")
            file.write(chunk)
    return name


def spool_path(name: str) -> Path:
    """Where a spooled file lies."""
    return store.folder("uploads") / Path(name).name


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


def forget_spools(db: Session, now: datetime, age: timedelta = timedelta(days=1)) -> int:
    """Delete spooled files that nothing waits for, or waits for too long; returns how many."""
    old = Upload.created_at < now - age
    db.execute(update(Upload).where(Upload.state == "waiting", old).values(state="refused", spool=None))
    wanted = set(db.scalars(select(Upload.spool).where(Upload.spool.is_not(None))))
    gone = 0
    for path in store.folder("uploads").iterdir():
        if path.name not in wanted and path.stat().st_mtime < (now - age).timestamp():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


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
        # NO KEY UPDATE: other imports wait, while people go on answering (their rows refer to this one).
        db.flush()  # what the caller changed in the project stays changed
        db.refresh(project, with_for_update={"key_share": True})
        adding = _Adding(db, project, user_id, mapping.label_as, now, rng)
        with db.begin_nested():
            candidates = ready.candidates()
            while block := list(islice(candidates, _BLOCK_ROWS)):
                adding.add(block)
            if adding.refusals.count and on_error == "refuse":
                raise adding.refusals.as_input_error(file_name)
        for error in adding.refusals.errors:
            ready.refusals.add({key: value for key, value in error.items() if key != "error"}, error["error"])
        ready.refusals.count += adding.refusals.count - len(adding.refusals.errors)
        refused, duplicates = ready.refusals, ready.duplicates + adding.duplicates
    project.next_row = adding.next_row
    result = Result(adding.added, duplicates, refused.errors, refused.count)
    _record(db, upload or keep(db, project, user_id, file_name, None, now), result)
    jobs.enqueue(db, "run_encoding", project.id)
    return result


def _record(db: Session, upload: Upload, result: Result) -> None:
    upload.state, upload.spool = "imported", None
    upload.added, upload.duplicates, upload.refused = result.added, result.duplicates, result.refused_count
    upload.errors = result.refused[:_ERRORS_RECORDED]
    db.flush()


class _Adding:
    """One import under way: numbers rows, leaves out what the project has, inserts block by block."""

    def __init__(
        self, db: Session, project: Project, user_id: int | None, label_as: str, now: datetime, rng: np.random.Generator
    ) -> None:
        self.db, self.project_id, self.user_id, self.now, self.rng = db, project.id, user_id, now, rng
        self.as_truth = label_as == "truth"
        self.votes = int(project.recipe["votes_wanted"])
        self.was_empty = project.next_row == 0
        self.next_row = project.next_row
        self.added = self.duplicates = 0
        self.refusals = Refusals()

    def add(self, block: Sequence[Candidate]) -> None:
        """Insert the new ones of a block of rows."""
        new = block if self.was_empty else list(self._new(block))
        if not new:
            return
        first = self.next_row
        self.next_row += len(new)
        self.added += len(new)
        keys = self.rng.random(len(new))
        items = [self._item(first + k, one, float(keys[k])) for k, one in enumerate(new)]
        # Nulls spelled out, or SQLAlchemy sends a batch of its own for every set of columns that are filled.
        self.db.execute(insert(Item), items, execution_options={"render_nulls": True})
        labelled = {first + k: one.answer for k, one in enumerate(new) if one.answer and not self.as_truth}
        if labelled:
            self._label(labelled, first)

    def _new(self, block: Sequence[Candidate]) -> Iterator[Candidate]:
        mine = Item.project_id == self.project_id
        digests = [one.digest for one in block]
        known = set(self.db.scalars(select(Item.content_hash).where(mine, Item.content_hash.in_(digests))))
        names = [one.external_id for one in block if one.external_id and one.digest not in known]
        taken = set(self.db.scalars(select(Item.external_id).where(mine, Item.external_id.in_(names))))
        for one in block:
            if one.digest in known:
                self.duplicates += 1
            elif one.external_id in taken and one.external_id:
                self.refusals.add(one.place, f"Its external id {one.external_id} is another item's in this project.")
            else:
                yield one

    def _item(self, row: int, one: Candidate, key: float) -> dict[str, Any]:
        answered = one.answer is not None and not self.as_truth
        return {
            "project_id": self.project_id,
            "row": row,
            "external_id": one.external_id,
            "content": one.content,
            "meta": one.meta,
            "content_hash": one.digest,
            "key": key,
            "slots": max(0, self.votes - answered),
            "is_settled": answered,
            "truth": one.answer if self.as_truth else None,
            "created_at": self.now,
        }

    def _label(self, answers: dict[int, dict[str, Any]], first: int) -> None:
        """Somebody's earlier answers: recorded as imported, so that no estimate takes them for a draw."""
        new = select(Item.id, Item.row, Item.key).where(Item.project_id == self.project_id, Item.row >= first)
        labels = [
            {
                "id": UUID(bytes=self.rng.bytes(16), version=4),
                "project_id": self.project_id,
                "item_id": item_id,
                "user_id": self.user_id,
                "answer": answers[row],
                "created_at": self.now,
                "chosen_by": "import",
                "key": key,
            }
            for item_id, row, key in self.db.execute(new)
            if row in answers
        ]
        self.db.execute(insert(Label), labels)
