"""Data sets in files, read as an upload reads them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.simulating.dataset import DataSet
from app.errors import BadInput, NotFound

if TYPE_CHECKING:
    from app.core.formats import Row
    from app.core.tasks import Task

ERRORS = 1000


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are read: `text` None reads a table; `separator` cuts a label into several classes."""

    text: str | None = None
    label: str = "label"
    separator: str | None = None
    out_of_scope: str | None = None


def of_file(path: Path, columns: Columns) -> DataSet:
    """The items of a file. Raises NotFound, BadInput."""
    from app.core import tasks

    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    name, rows = _rows(path)
    if name == "conll":  # its columns have no names of their own
        columns = replace(columns, text="text", label="spans")
    is_image = name in ("zip", "image")
    if not is_image:
        _check_columns(rows[0], columns)
    labels = [_label(row, columns, is_image) for row in rows]
    task_json = _task(labels, columns)
    modality = "image" if is_image else "text" if columns.text else "table"
    sieve = _Sieve(modality, tasks.load(task_json), columns, name in ("csv", "tsv"))
    for row, label in zip(rows, labels, strict=True):
        if label is not None:
            sieve.add(row, label)
    if sieve.bad:
        raise BadInput(f"{path} cannot be used.", sieve.bad[:ERRORS])
    counts = ((labels.count(None), "rows without an answer are left out"), (sieve.doubled, "rows stand there twice"))
    said = [f"{count:,} {what}" for count, what in counts if count]
    items, contents, answers = zip(*sieve.found.values(), strict=True) if sieve.found else ((), (), ())
    return DataSet(path.name, modality, task_json, list(items), list(contents), list(answers), said=said)


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
    """One class, or several where labels are lists, or spans. Raises BadInput for fewer than two classes."""
    from app.core.tasks._span_forms import task_of

    if (of_spans := task_of(labels)) is not None:
        return of_spans
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


class _Sieve:
    """The rows as an upload would add them: each content once, every cell with its type."""

    def __init__(self, modality: str, task: "Task", columns: Columns, cells_are_text: bool) -> None:
        from app.services.upload_mapping import Mapping
        from app.services.upload_rows import RowReader
        from app.settings import current

        pixels = current().image_limit_pixels
        self.modality, self.task, self.columns = modality, task, columns
        self.reader = RowReader(modality, task, Mapping(text=columns.text), cells_are_text, pixels)
        self.found: dict[bytes, tuple[dict[str, Any], Any, dict[str, Any] | None]] = {}
        self.bad: list[dict[str, Any]] = []
        self.doubled = 0

    def add(self, row: "Row", label: Any) -> None:
        """Take one row with its label."""
        from app.core import words
        from app.core.tasks import InvalidAnswer
        from app.services.upload_rows import Refused

        text, named = self.columns.text, self.columns.label
        values = {name: value for name, value in row.values.items() if name != named or name == text}
        try:
            one = self.reader.candidate(type(row)(row.place, values))
        except Refused as error:
            self.bad.append({**row.place, "error": str(error)})
            return
        self.doubled += one.digest in self.found
        content = json.loads(one.content)
        text_of = words.cut_content(content) if self.task.pieces else content.get("text")
        read = {"text": text_of, "table": content.get("columns"), "image": values.get("image")}
        try:
            told = None if label == self.columns.out_of_scope else self.reader.answer(label, content)
        except InvalidAnswer as error:
            self.bad.append({**row.place, "error": str(error)})
            return
        self.found.setdefault(one.digest, (content, read[self.modality], None if told is None else json.loads(told)))


def _check_columns(row: "Row", columns: Columns) -> None:
    from app.services.upload_mapping import Mapping
    from app.services.upload_rows import missing_columns

    missing = missing_columns(Mapping(text=columns.text, label=columns.label), row.values)
    if missing:
        raise BadInput(missing[0]["error"], missing)
