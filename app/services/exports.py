"""Exports: the whole file from one snapshot of the database, written to disk before anybody streams it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app import store
from app.core import formats, plugins
from app.core.tasks import Task, load
from app.db import database, reading
from app.errors import BadInput, NotFound
from app.models import Item, Label, Project, Round, User
from app.services.export_shape import flat_columns, flatten, label_record, skip_record
from app.services.export_votes import MergedAnswers, merged_answers

PAGE_ROWS = 1000


@dataclass(frozen=True)
class Filters:
    """Which items: only labelled ones, with a label at or after `since`, whose merged answer has `class_name`."""

    only: Literal["labelled", "all"] = "labelled"
    since: datetime | None = None
    class_name: str | None = None
    predictions: bool = False


@dataclass(frozen=True)
class ExportInfo:
    """The finished file."""

    path: Path
    file_name: str
    media_type: str
    rows: int
    bytes: int


def format_names() -> list[str]:
    """The formats that can be written."""
    return [found.name for found in plugins.describe("formats") if found.facts["writes"]]


def export(project_id: int, format_name: str, filters: Filters, path: Path) -> ExportInfo:
    """Write a project's items to `path`. Raises NotFound, and BadInput for a format that there is not."""
    if format_name not in format_names():
        known = ", ".join(format_names())
        error = {"field": "format", "error": f"There is {known}."}
        raise BadInput(f"There is no format {format_name[:50]}; there is {known}.", errors=[error])
    written = formats.get(format_name)
    with reading() as db:
        _snapshot(db)
        project = db.get(Project, project_id)
        if project is None:
            raise NotFound
        source = _Source(db, project, filters)
        with store.writing(path) as file:
            if written.flat:
                columns = flat_columns(db, project, source.task, filters.predictions)
                written.write((flatten(line, source.task) for line in source.lines()), file, columns)  # type: ignore[arg-type]  # IO[bytes] is one
            else:
                written.write(source.lines(), file)  # type: ignore[arg-type]
        name = f"project-{project_id}{written.suffix}"
    return ExportInfo(path, name, written.media_type, source.count, path.stat().st_size)


def _snapshot(db: Session) -> None:
    """One view of everything for the whole export. SQLite has it by itself from the first query on."""
    if not database().is_sqlite:
        db.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})


class _Source:
    """The lines of one export, a page of items at a time."""

    def __init__(self, db: Session, project: Project, filters: Filters) -> None:
        self.db, self.project, self.filters = db, project, filters
        self.task: Task = load(project.task)
        self.merged: MergedAnswers = merged_answers(db, project, self.task)
        self.predictions = _Predictions(db, project, self.task) if filters.predictions else None
        self.count = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every item that passes the filters, in the order of the upload."""
        last = -1
        while page := self._page(last):
            last = page[-1].row
            answered = [(item, *self.merged.of(item.row)) for item in page]
            passing = [found for found in answered if self._passes(found[1])]
            labels, skips = self._labels([item.id for item, _, _ in passing])
            for item, answer, confidence in passing:
                self.count += 1
                yield self._line(item, answer, confidence, labels.get(item.id, []), skips.get(item.id, []))

    def _page(self, last: int) -> list[Any]:
        fields = select(Item.id, Item.row, Item.external_id, Item.content, Item.meta)
        wanted = fields.where(Item.project_id == self.project.id, Item.row > last)
        standing = (Label.item_id == Item.id, Label.ended_at.is_(None), Label.answer.is_not(None))
        if self.filters.only == "labelled":
            wanted = wanted.where(exists().where(*standing))
        if self.filters.since is not None:
            wanted = wanted.where(exists().where(*standing, Label.created_at >= self.filters.since))
        return list(self.db.execute(wanted.order_by(Item.row).limit(PAGE_ROWS)))

    def _passes(self, answer: dict[str, Any] | None) -> bool:
        if self.filters.class_name is None:
            return True
        named = [] if answer is None else answer.get("classes", [answer.get("class")])
        return self.filters.class_name in named

    def _labels(self, ids: list[int]) -> tuple[dict[int, list[Any]], dict[int, list[Any]]]:
        """Standing labels and skips by item, oldest first."""
        labels: dict[int, list[Any]] = {}
        skips: dict[int, list[Any]] = {}
        standing = (
            select(Label, User.email)
            .join(User, User.id == Label.user_id)
            .where(Label.item_id.in_(ids), Label.ended_at.is_(None))
            .order_by(Label.created_at, Label.id)
        )
        for label, email in self.db.execute(standing):
            if label.answer is not None:
                labels.setdefault(label.item_id, []).append(label_record(label, email))
            else:
                skips.setdefault(label.item_id, []).append(skip_record(label, email))
        self.db.expunge_all()  # the session would keep every label of the project
        return labels, skips

    def _line(
        self, item: Any, answer: Any, confidence: float | None, labels: list[Any], skips: list[Any]
    ) -> dict[str, Any]:
        line = {
            "id": item.id,
            "external_id": item.external_id,
            "content": item.content,
            "meta": item.meta,
            "answer": answer,
            "confidence": confidence,
            "labels": labels,
            "skips": skips,
        }
        if self.predictions is not None:
            line["prediction"] = self.predictions.of(item.row)
        return line


class _Predictions:
    """What the model of the queue's round says of every row it scored, read from its file as needed."""

    def __init__(self, db: Session, project: Project, task: Task) -> None:
        self.task = task
        self.scores: np.ndarray[Any, np.dtype[Any]] | None = None
        found = db.get(Round, project.queue_round_id) if project.queue_round_id else None
        if found is not None:
            self.round = found.number
            path = store.round_folder(project.id, found.id) / "probabilities.npy"
            scores = np.load(path, mmap_mode="r") if path.exists() else None
            # Scores of another number of classes are of a task that was changed since.
            self.scores = scores if scores is not None and scores.shape[1] == len(task.classes) else None

    def of(self, row: int) -> dict[str, Any] | None:
        """The prediction for a row; None where no round scored it."""
        if self.scores is None or row >= len(self.scores):
            return None
        scores = np.asarray(self.scores[row], np.float32)
        if not np.isfinite(scores).all():
            return None
        confidence = round(self.task.confidence(scores), 6)
        return {"answer": self.task.decode(scores), "confidence": confidence, "round": self.round}
