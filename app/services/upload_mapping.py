"""Which column of an uploaded file is what: the mapping, a guess of it, and a preview to check it by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from app.core import formats, turns
from app.errors import BadInput
from app.settings import current

TEXT_NAMES = ("text", "sentence", "body", "content", "message", "title", "question", "comment", "review", "document")
TURN_NAMES = ("turns", "messages", "conversation", "conversations", "dialogue", "dialog", "chat")
LABEL_NAMES = (
    "label",
    "category",
    "class",
    "target",
    "labels",
    "categories",
    "classes",
    "answer",
    "intent",
    "truth",
    "spans",
    "entities",
)
ID_NAMES = ("external_id", "id", "uuid", "guid", "item_id", "key")
SAMPLE_ROWS = 200
SHOWN_ROWS = 5
SHOWN_CHARS = 500


@dataclass(frozen=True)
class Mapping:
    """Column names: `text` (texts, or conversations as lists of turns), `columns` (tables; None is all others),
    `label` and `external_id` where wanted.

    For images `label` is "folder" or None. `label_as` says whether a label is somebody's answer or hidden truth.
    """

    text: str | None = None
    label: str | None = None
    external_id: str | None = None
    label_as: Literal["import", "truth"] = "import"
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Preview:
    """The first rows of a file, as people can read them, and what its columns seem to be."""

    format: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    guess: Mapping


def limits() -> formats.Limits:
    """The formats' limits under the settings in force."""
    found = current()
    return formats.Limits(
        unpacked_bytes=found.unpacked_limit_bytes,
        columns=found.upload_limit_columns,
        rows=found.upload_limit_rows,
        files=found.upload_limit_rows,
    )


def preview(path: Path, file_name: str, modality: str, classes: Sequence[str] = ()) -> Preview:
    """Look at the first rows of a file. Raises BadInput where it cannot be read at all."""
    try:
        with path.open("rb") as stream:
            name = formats.detect(file_name, stream)
            rows = [row.values for row in sample(name, stream)]
    except formats.Unreadable as error:
        raise BadInput(f"{file_name}: {error}", errors=[{**error.place, "error": str(error)}]) from error
    columns = columns_of(rows)
    if modality == "image":
        guess = Mapping(label="folder" if _are_classes([_folder(row, classes) for row in rows], classes) else None)
        return Preview(name, (), [{"folder": "/".join(row.get("folders", ()))} for row in rows[:SHOWN_ROWS]], guess)
    shown = [{column: _shown(row.get(column)) for column in columns} for row in rows[:SHOWN_ROWS]]
    return Preview(name, columns, shown, guess_mapping(rows, modality, classes))


def sample(name: str, stream: Any) -> list[formats.Row]:
    """The first good rows of an open file. Raises Unreadable where there are none before it breaks off."""
    rows = formats.get(name).read(stream, limits())
    count = SHOWN_ROWS if name in ("zip", "image") else SAMPLE_ROWS
    found: list[formats.Row] = []
    try:
        found.extend(row for row in islice(rows, count) if isinstance(row, formats.Row))
    except formats.Unreadable:
        if not found:
            raise
    return found


def columns_of(rows: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The names that occur in the rows, in the order in which they first do."""
    return tuple(dict.fromkeys(name for row in rows for name in row))


def guess_mapping(rows: Sequence[dict[str, Any]], modality: str, classes: Sequence[str] = ()) -> Mapping:
    """What the columns seem to be, by their names and their values; None where nothing fits."""
    columns = columns_of(rows)
    values = {name: [row.get(name) for row in rows] for name in columns}
    label = next((name for name in _ordered(columns, LABEL_NAMES) if _is_label(name, values[name], classes)), None)
    ids = [name for name in _ordered(columns, ID_NAMES) if name.lower() in ID_NAMES and name != label]
    external_id = next((name for name in ids if _are_distinct(values[name])), None)
    rest = [name for name in columns if name not in (label, external_id)]
    if modality == "table":
        return Mapping(label=label, external_id=external_id, columns=tuple(rest))
    return Mapping(text=_text_column(rest, values), label=label, external_id=external_id)


def folder_of(folders: Sequence[str], classes: Sequence[str]) -> str | None:
    """The outermost folder that names a class, else the outermost one: archives often have one folder around all."""
    return next((name for name in folders if name in classes), folders[0] if folders else None)


def _folder(row: dict[str, Any], classes: Sequence[str]) -> str | None:
    return folder_of(row.get("folders", ()), classes)


def _ordered(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    known = [column for name in names for column in columns if column.strip().lower() == name]
    return known + [column for column in columns if column not in known]


def _is_label(name: str, values: list[Any], classes: Sequence[str]) -> bool:
    """Known class names decide; where the classes are not known yet, the column's name does."""
    return _are_classes(values, classes) if classes else name.strip().lower() in LABEL_NAMES


def _are_classes(values: list[Any], classes: Sequence[str]) -> bool:
    named: list[str] = []
    for value in values:
        if isinstance(value, list):
            named += map(_named, value)
        elif value not in (None, ""):
            whole = str(value).strip()
            named += [whole] if whole in classes else [part.strip() for part in whole.replace(";", "|").split("|")]
    known = set(classes)
    return bool(named) and sum(name in known for name in named) >= 0.9 * len(named)


def _named(one: Any) -> str:
    """The class in an element of a list: itself, or that of a span."""
    if isinstance(one, dict):
        return str(one.get("class", one.get("label")))
    return str(one[-1]) if isinstance(one, list) and one else str(one)


def _are_distinct(values: list[Any]) -> bool:
    return all(isinstance(value, str | int) and value != "" for value in values) and len(set(values)) == len(values)


def _text_column(columns: Sequence[str], values: dict[str, list[Any]]) -> str | None:
    talks = [name for name in columns if 2 * sum(map(turns.look_like, values[name])) > len(values[name])]
    if named := [name for name in _ordered(talks, TURN_NAMES) if name.strip().lower() in TURN_NAMES]:
        return named[0]
    texts = {
        name: [value for value in values[name] if isinstance(value, str) and value.strip()]
        for name in columns
        if 2 * sum(isinstance(value, dict | list) for value in values[name]) <= len(values[name])
    }
    found = [name for name in _ordered(columns, TEXT_NAMES) if texts.get(name)]
    if not found:
        return talks[0] if talks else None
    if found[0].strip().lower() in TEXT_NAMES:
        return found[0]
    return max(found, key=lambda name: sum(map(len, texts[name])) / len(values[name]))


def _shown(value: Any) -> Any:
    if turns.look_like(value):
        value = turns.joined(value)
    return value[:SHOWN_CHARS] + "…" if isinstance(value, str) and len(value) > SHOWN_CHARS else value
