"""Exports: the whole file from one snapshot of the database, written to disk before anybody streams it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
from orjson import Fragment
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import store
from app.core import formats, plugins
from app.core.cuts import Cuts
from app.core.tasks import Task, load
from app.db import database, reading
from app.errors import BadInput, NotFound
from app.models import Item, Project, Round, User
from app.services import raw, round_arrays
from app.services.export_shape import flat_columns, flatten, standing_labels
from app.services.export_votes import MergedAnswers, merged_answers
from app.services.round_data import features_of

PAGE_ROWS = 1000
_DENSE = 4  # rows read for each that is wanted


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
    if filters.since is not None and filters.since.tzinfo is None:
        filters = replace(filters, since=filters.since.replace(tzinfo=UTC))  # a time without a zone means UTC
    written = formats.get(format_name)
    with reading() as db:
        snapshot(db)
        project = db.get(Project, project_id)
        if project is None:
            raise NotFound
        if written.only not in ("", project.task["kind"]):
            error = {"field": "format", "error": f"It holds answers of the task {written.only} only."}
            raise BadInput(f"{written.title} cannot hold the answers of this project.", errors=[error])
        source = _Source(db, project, filters, written.flat)
        with store.writing(path) as file:
            if written.flat:
                columns = flat_columns(db, project, source.task, filters.predictions)
                written.write((flatten(line, source.task) for line in source.lines()), file, columns)  # type: ignore[arg-type]  # IO[bytes] is one
            else:
                written.write(source.lines(), file)  # type: ignore[arg-type]
        name = f"project-{project_id}{written.suffix}"
    return ExportInfo(path, name, written.media_type, source.count, path.stat().st_size)


def snapshot(db: Session) -> None:
    """One view of everything for the whole export. SQLite has it by itself from the first query on."""
    if not database().is_sqlite:
        db.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})


class _Source:
    """The lines of one export, a page of items at a time."""

    def __init__(self, db: Session, project: Project, filters: Filters, is_flat: bool) -> None:
        self.db, self.project, self.filters, self.is_flat = db, project, filters, is_flat
        self.task: Task = load(project.task)
        self.merged: MergedAnswers = merged_answers(db, project, self.task, filters.since)
        self.predictions = _Predictions(db, project, self.task) if filters.predictions else None
        self.emails: dict[int, str] = {found.id: found.email for found in db.execute(select(User.id, User.email))}
        self.count = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every item that passes the filters, in the order of the upload."""
        for page in self._pages():
            labels, skips = standing_labels(self.db, [item.id for item in page], self.emails)
            for item in page:
                self.count += 1
                answer, confidence = self.merged.of(item.row)
                yield self._line(item, answer, confidence, labels[item.id], skips.get(item.id, []))

    def _pages(self) -> Iterator[Sequence[Any]]:
        """Pages by row number: ranges where they are dense, which any planner finds by the index."""
        if self.filters == replace(self.filters, only="all", since=None, class_name=None):
            for start in range(0, self.project.next_row, PAGE_ROWS):
                yield self._items(Item.row >= start, Item.row < start + PAGE_ROWS)
            return
        rows = [row for row in self.merged.answered.tolist() if self._has_class(row)]
        for start in range(0, len(rows), PAGE_ROWS):
            page = rows[start : start + PAGE_ROWS]
            if page[-1] - page[0] >= _DENSE * len(page):
                yield self._items(Item.row.in_(page))
            else:
                wanted = set(page)
                yield [one for one in self._items(Item.row.between(page[0], page[-1])) if one.row in wanted]

    def _items(self, *which: Any) -> Sequence[Any]:
        content, meta = raw.json_text(self.db, Item.content), raw.json_text(self.db, Item.meta)
        fields = (Item.id, Item.row, Item.external_id, content.label("content"), meta.label("meta"))
        query = select(*fields).where(Item.project_id == self.project.id, *which).order_by(Item.row)
        return self.db.connection().execute(query).all()

    def _has_class(self, row: int) -> bool:
        if self.filters.class_name is None:
            return True
        answer = self.merged.of(row)[0]
        return answer is not None and self.filters.class_name in self.task.names(answer)

    def _line(
        self, item: Any, answer: Any, confidence: float | None, labels: list[Any], skips: list[Any]
    ) -> dict[str, Any]:
        line = {
            "id": item.id,
            "external_id": item.external_id,
            "content": Fragment(item.content) if not self.is_flat else orjson.loads(item.content),
            "meta": None if item.meta is None else Fragment(item.meta),
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
            scores = round_arrays.probabilities(found)
            # Scores of another number of classes are of a task that was changed since.
            self.scores = scores if scores is not None and scores.shape[1] == task.outputs else None
            self.cuts = Cuts(0 if scores is None else len(scores))
            if task.pieces:
                self.cuts = features_of(project.id, found).cuts
                # Features that are gone, of an encoder that was replaced, no longer tell where the words were.
                self.scores = self.scores if self.scores is not None and self.cuts.pieces >= len(self.scores) else None

    def of(self, row: int) -> dict[str, Any] | None:
        """The prediction for a row; None where no round scored it."""
        if self.scores is None or row >= self.cuts.rows or self.cuts.part(row).stop > len(self.scores):
            return None
        scores = np.asarray(self.scores[self.cuts.part(row)], np.float32)
        if not np.isfinite(scores).all():
            return None
        answer, confidence = self.task.opinions(scores, self.cuts.some(np.array([row])))[0]
        more = {} if self.task.pieces else self.task.details(scores)[0]
        return {"answer": answer, "confidence": round(confidence, 6), "round": self.round, **more}
