"""Data sets whose answers are known: read from a file as an upload is, or from a project."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import BadInput, NotFound

if TYPE_CHECKING:
    import numpy as np

    from app.core.formats import Row
    from app.core.tasks import Task

ERRORS = 1000


@dataclass(frozen=True)
class DataSet:
    """Items with their answers.

    task_json: {"kind", "classes": [{"name"}]}. items: contents as a project stores them. contents: what an encoder
    reads of them. answers: one an item, None where it is out of scope. features: of a project, as they are on disk, and
    seen_by: the name and fingerprint of the encoder that made them. recipe: of a project. said: for people.
    """

    name: str
    modality: str
    task_json: dict[str, Any]
    items: Sequence[dict[str, Any]]
    contents: Sequence[Any]
    answers: Sequence[dict[str, Any] | None]
    features: "np.ndarray[Any, np.dtype[np.float32]] | None" = None
    seen_by: tuple[str, str] = ("", "")
    recipe: dict[str, Any] = field(default_factory=dict)
    said: Sequence[str] = ()

    @property
    def task(self) -> "Task":
        """The task that encodes the answers."""
        from app.core import tasks

        return tasks.load(self.task_json)

    def fingerprint(self) -> str:
        """16 hexadecimal digits of everything that a replay depends on, but the features."""
        digest = hashlib.sha256(json.dumps([self.modality, self.task_json], sort_keys=True).encode())
        for item, answer in zip(self.items, self.answers, strict=True):
            digest.update(json.dumps([item, answer], sort_keys=True, default=str).encode() + b"\n")
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are read: `text` None reads a table; `separator` cuts a label into several classes."""

    text: str | None = None
    label: str = "label"
    separator: str | None = None
    out_of_scope: str | None = None


def of_file(path: Path, columns: Columns) -> DataSet:
    """The items of a file. Raises NotFound, BadInput."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    name, rows = _rows(path)
    is_image = name in ("zip", "image")
    labels = [_label(row, columns, is_image) for row in rows]
    task_json = _task(labels, columns)
    modality = "image" if is_image else "text" if columns.text else "table"
    return _checked(path.name, modality, task_json, rows, labels, columns, name in ("csv", "tsv"))


def _rows(path: Path) -> "tuple[str, list[Row]]":
    """The format's name and every row. Raises BadInput with the places of the bad ones."""
    from app.core import formats

    bad: list[dict[str, Any]] = []
    rows: list[Row] = []
    with path.open("rb") as stream:
        try:
            name = formats.detect(path.name, stream)
            for row in formats.get(name).read(stream, formats.Limits()):
                if isinstance(row, formats.Row):
                    rows.append(row)
                elif len(bad) < ERRORS:
                    bad.append({**row.place, "error": row.error})
        except formats.Unreadable as error:
            raise BadInput(f"{path} cannot be read: {error}", [{**error.place, "error": str(error)}]) from None
    if bad:
        raise BadInput(f"{path} cannot be used.", bad)
    if not rows:
        raise BadInput(f"{path} holds no rows.")
    return name, rows


def _label(row: "Row", columns: Columns, is_image: bool) -> Any:
    """What the file says of a row: None where it says nothing, the words out_of_scope where it is that."""
    if is_image:  # an archive of images: the innermost folder is the answer
        value: Any = (row.values["folders"] or (None,))[-1]
    elif columns.label not in row.values:
        raise BadInput(f"There is no column {columns.label}; the file has {', '.join(row.values)[:500]}.")
    else:
        value = row.values[columns.label]
    if isinstance(value, str):
        value = value.strip()
        if columns.separator and value != columns.out_of_scope:
            return [part.strip() for part in value.split(columns.separator) if part.strip()]
    return None if value == "" else value


def _task(labels: Sequence[Any], columns: Columns) -> dict[str, Any]:
    """One class, or several where labels are lists. Raises BadInput for fewer than two classes."""
    known = [label for label in labels if label is not None and label != columns.out_of_scope]
    is_several = any(isinstance(label, list) for label in known)
    named = [each for label in known for each in (label if isinstance(label, list) else [label])]
    if any(isinstance(each, dict | list | float) for each in named):
        raise BadInput(f"The column {columns.label} holds something else than names of classes.")
    classes = sorted({("true" if each else "false") if isinstance(each, bool) else str(each) for each in named})
    if len(classes) < 2:
        found = f"only {classes[0]}" if classes else "none"
        raise BadInput(f"There must be two classes at least; the column {columns.label} holds {found}.")
    kind = "multilabel" if is_several else "classification"
    return {"kind": kind, "classes": [{"name": name} for name in classes]}


def _checked(
    file: str,
    modality: str,
    task_json: dict[str, Any],
    rows: "Sequence[Row]",
    labels: Sequence[Any],
    columns: Columns,
    cells_are_text: bool,
) -> DataSet:
    """The rows as an upload would add them: each content once, every cell with its type."""
    from app.core import tasks
    from app.services.upload_mapping import Mapping
    from app.services.upload_rows import Refused, RowReader, as_answer, missing_columns
    from app.settings import current

    task = tasks.load(task_json)
    mapping = Mapping(text=columns.text, label=None if modality == "image" else columns.label)
    missing = missing_columns(mapping, rows[0].values) if modality != "image" else []
    if missing:
        raise BadInput(missing[0]["error"], missing)
    reader = RowReader(modality, task, Mapping(text=columns.text), cells_are_text, current().image_limit_pixels)
    items, contents, answers, bad = [], [], [], []
    seen: set[bytes] = set()
    unanswered = doubled = 0
    for row, label in zip(rows, labels, strict=True):
        if label is None:
            unanswered += 1
            continue
        values = {name: value for name, value in row.values.items() if name != columns.label or name == columns.text}
        try:
            one = reader.candidate(type(row)(row.place, values))
        except Refused as error:
            bad.append({**row.place, "error": str(error)})
            continue
        if one.digest in seen:
            doubled += 1
            continue
        seen.add(one.digest)
        items.append(one.content)
        contents.append(_readable(modality, one.content, row.values))
        answers.append(None if label == columns.out_of_scope else task.normalise({}, as_answer(task, label)))
    if bad:
        raise BadInput(f"{file} cannot be used.", bad[:ERRORS])
    said = [
        f"{count:,} {what}"
        for count, what in ((unanswered, "rows without an answer are left out"), (doubled, "rows stand there twice"))
        if count
    ]
    return DataSet(file, modality, task_json, items, contents, answers, said=said)


def _readable(modality: str, content: dict[str, Any], values: dict[str, Any]) -> Any:
    return {"text": content.get("text"), "table": content.get("columns"), "image": values.get("image")}[modality]


def of_project(project_id: int, encodes: bool) -> DataSet:
    """The items of a project whose answers are known; `encodes`: with their contents, else with its own features.

    Raises NotFound, BadInput.
    """
    from datetime import UTC, datetime

    from sqlalchemy import select

    from app.core import tasks
    from app.db import reading
    from app.models import Encoding, Item, Project
    from app.services import encodings, simulation_data

    with reading() as db:
        project = db.get(Project, project_id)
        if project is None:
            raise NotFound("No such project.")
        encoding = db.get(Encoding, project.encoding_id) if project.encoding_id else None
        encodes = encodes or encoding is None or encoding.rows_done < project.next_row
        found = simulation_data.labelled(
            db,
            project_id,
            tasks.load(project.task),
            project.recipe["aggregation"],
            datetime.now(UTC),
            project.next_row,
            project.next_row,
        )
        if not found.answers:
            raise BadInput("Nothing in this project has an answer yet: label items, or upload answers as truth.")
        query = select(Item.row, Item.content).where(Item.project_id == project_id).order_by(Item.row)
        contents = {int(row): content for row, content in db.execute(query)}
        items = [contents[row] for row in found.rows.tolist()]
        classes = [{"name": each["name"]} for each in project.task["classes"]]
        task_json = {"kind": project.task["kind"], "classes": classes}
        said = [f"{found.truth:,} answers are hidden truth, {found.merged:,} merged from people's labels"]
        data = DataSet(
            project.name, project.modality, task_json, items, [], found.answers, recipe=project.recipe, said=said
        )
        if encodes or encoding is None:
            return replace(data, contents=encodings.contents_of(project.modality, items))
        features = simulation_data.features(project_id, encoding.fingerprint, encoding.rows_done)
        seen_by = (encoding.encoder["name"], encoding.fingerprint)
        return replace(data, features=features.take(found.rows), seen_by=seen_by)
