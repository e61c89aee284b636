"""From a row of a file to an item that could be added: its content, answer, names and digest, or why not."""

import math
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

import orjson

from app.core import turns
from app.core.formats import Row
from app.core.formats._images import NotAnImage, examine
from app.core.tasks import InvalidAnswer, Task
from app.services.upload_mapping import Mapping, folder_of

TEXT_CHARS = 1_000_000
NAME_CHARS = 500
# As a spreadsheet writes numbers. Leading zeros make a code, not a number; so do more digits than a float holds.
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_CACHED_ANSWERS = 10_000
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON escapes it; after an even number of backslashes


class Refused(ValueError):
    """This row cannot become an item; the message is a sentence for people."""


class Candidate(NamedTuple):
    """A row that could be added as an item; content, meta and answer as JSON. The same content has the same digest."""

    place: dict[str, Any]
    content: str
    meta: str | None
    external_id: str | None
    answer: str | None
    digest: bytes
    size: int  # bytes: an image as sent, else content and meta as kept


class RowReader:
    """Turns the rows of one file into candidates, as the mapping says."""

    def __init__(self, modality: str, task: Task, mapping: Mapping, cells_are_text: bool, pixels: int) -> None:
        self.task, self.mapping, self.pixels = task, mapping, pixels
        self.value: Callable[[Any], Any] = typed if cells_are_text else plain
        self.read = {"text": self._text, "table": self._table, "image": self._image}[modality]
        self._answers: dict[str, str | None] = {}

    def candidate(self, row: Row) -> Candidate:
        """The row as a candidate. Raises Refused."""
        try:
            content, meta, name, label = self.read(row)
            beside = None if meta is None else _kept(meta)
            digest = digest_of(content)
            answer = self.answer(label, content)
            kept = _kept(content)
            size = len(row.values["image"]) if "image" in content else _bytes(kept) + _bytes(beside or "")
            return Candidate(row.place, kept, beside, external_id(name), answer, digest, size)
        except (InvalidAnswer, NotAnImage) as error:
            raise Refused(str(error)) from error
        except orjson.JSONEncodeError as error:
            raise Refused(f"It holds a value that cannot be kept: {error}.") from error

    def _text(self, row: Row) -> tuple[dict[str, Any], dict[str, Any] | None, Any, Any]:
        values, mapping = row.values, self.mapping
        if mapping.text is None and isinstance(values.get("content"), dict):  # a line of our own export
            text, meta = values["content"].get("turns", values["content"].get("text")), values.get("meta")
            meta = meta if isinstance(meta, dict) else None
        else:
            used = (mapping.text, mapping.label, self._id_column)
            text = _field(values, mapping.text or "text")
            meta = {name: _json(value) for name, value in values.items() if name not in used}
        content = _read_text(text, mapping.text or "text")
        return content, meta or None, values.get(self._id_column), self._label(values)

    def _table(self, row: Row) -> tuple[dict[str, Any], None, Any, Any]:
        values, mapping = row.values, self.mapping
        own = values.get("content")
        if isinstance(own, dict) and isinstance(own.get("columns"), dict):
            cells = own["columns"]
        else:
            unused = (mapping.label, self._id_column)
            names = mapping.columns or [name for name in values if name not in unused]
            cells = {name: _field(values, name) for name in names}
        columns = {name: self._cell(name, value) for name, value in cells.items()}
        if all(value is None for value in columns.values()):
            raise Refused("Every column is empty.")
        return {"columns": columns}, None, values.get(self._id_column), self._label(values)

    def _image(self, row: Row) -> tuple[dict[str, Any], None, Any, Any]:
        data = row.values["image"]
        picture = examine(data, self.pixels)
        content = {
            "image": sha256(data).hexdigest(),
            "media_type": picture.media_type,
            "width": picture.width,
            "height": picture.height,
        }
        label = folder_of(row.values["folders"], self.task.classes) if self.mapping.label == "folder" else None
        return content, None, row.place["name"], label

    def _cell(self, name: str, value: Any) -> Any:
        try:
            return self.value(value)
        except Refused as error:
            raise Refused(f"{name} {error}") from error

    @property
    def _id_column(self) -> str:
        return self.mapping.external_id or "external_id"

    def _label(self, values: dict[str, Any]) -> Any:
        return _field(values, self.mapping.label) if self.mapping.label else None

    def answer(self, label: Any, content: dict[str, Any]) -> str | None:
        """The label of a cell as an answer, in JSON; None where the cell is empty. Raises InvalidAnswer."""
        if label is None or (isinstance(label, str) and not label.strip()):
            return None
        if self.task.pieces:  # what is right depends on the item
            return _kept(self.task.normalise(content, as_answer(self.task, label)))
        key = label if isinstance(label, str) else repr(label)
        if key not in self._answers:
            if len(self._answers) >= _CACHED_ANSWERS:
                self._answers.clear()
            self._answers[key] = _kept(self.task.normalise({}, as_answer(self.task, label)))
        return self._answers[key]


def _read_text(value: Any, column: str) -> dict[str, Any]:
    """A text, or a conversation with its text. Raises Refused."""
    content = {"text": value}
    if isinstance(value, list):
        try:
            content = {"text": turns.joined(turns.checked(value)), "turns": value}
        except turns.NotTurns as error:
            raise Refused(f"{column} {error}") from error
        value = "".join(said for _, said in turns.parts(value))  # names alone are no conversation
    if not isinstance(value, str):
        raise Refused(f"{column} is not a text.")
    if not value.strip():
        raise Refused("The text is empty.")
    if len(content["text"]) > TEXT_CHARS:
        raise Refused(f"The text is longer than {TEXT_CHARS:,} characters.")
    return content


def digest_of(content: dict[str, Any]) -> bytes:
    """16 bytes that are the same for the same content; of an image its name, the hash of its bytes, says it all."""
    named = content["image"].encode() if "image" in content else orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return blake2b(named, digest_size=16).digest()


def _kept(value: Any) -> str:
    """Plain data as JSON. Raises Refused where it holds what a database cannot keep."""
    return _without_nul(orjson.dumps(value, default=str).decode())


def _bytes(told: str) -> int:
    return len(told) if told.isascii() else len(told.encode())


def _without_nul(told: str) -> str:
    if "\\u0000" in told and _NUL.search(told):
        raise Refused("It holds a NUL character.")
    return told


def as_answer(task: Task, label: Any) -> Any:
    """What a label cell says, as an answer: the answer itself (JSON too), or how the task writes one in a cell."""
    if isinstance(label, str) and label.lstrip().startswith("{") and label.strip() not in task.classes:
        try:
            label = orjson.loads(label)
        except orjson.JSONDecodeError as error:
            raise InvalidAnswer(f"The label is not JSON: {error.msg}.") from error
    return label if isinstance(label, dict) else task.from_cell(label)


def external_id(value: Any) -> str | None:
    """The name under which the caller knows the item; None where the cell is empty. Raises Refused."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas makes floats of numbers where one is missing
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused("The external id is neither a text nor a whole number.")
    if len(str(value)) > NAME_CHARS:
        raise Refused(f"The external id is longer than {NAME_CHARS} characters.")
    return str(value)


def typed(cell: str) -> Any:
    """A cell of delimited text: empty is null, what is written as a number is one."""
    if not _NUMBER.fullmatch(cell):
        return None if cell in ("", "NaN", "nan") else plain(cell)
    if cell.lstrip("+-").isdigit():
        return int(cell)
    number = float(cell)
    return number if math.isfinite(number) else cell


def plain(value: Any) -> Any:
    """A value of a table's column: a number, text, bool or null. Raises Refused."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused("is not a finite number.")
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise Refused("holds a list or an object where a number or a text is wanted.")


def _field(values: dict[str, Any], name: str) -> Any:
    if name not in values:
        raise Refused(f"It has no field {name}.")
    return values[name]


def _json(value: Any) -> Any:
    """A value that JSON can hold, for what is kept beside the content and not looked into."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def missing_columns(mapping: Mapping, columns: Iterable[str]) -> list[dict[str, str]]:
    """Errors for the columns that the mapping names and a file with a header does not have."""
    there = list(columns)
    wanted = [("text", mapping.text), ("label", mapping.label), ("external_id", mapping.external_id)]
    wanted += [("columns", name) for name in mapping.columns or ()]
    return [
        {"field": field, "error": f"There is no column {name}; the file has {', '.join(there)[:500]}."}
        for field, name in wanted
        if name is not None and name not in there
    ]
