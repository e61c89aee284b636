"""Checking a whole upload before anything is written: no database, so that nobody waits for a lock meanwhile."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Literal

import orjson

from app import store
from app.core import formats
from app.core.formats import Bad, Row, Unreadable
from app.core.tasks import Task, load
from app.errors import BadInput
from app.services.upload_mapping import Mapping, columns_of, guess_mapping, limits, sample
from app.services.upload_rows import Candidate, Refused, RowReader, missing_columns
from app.settings import current

ERRORS_KEPT = 1000
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON escapes it; after an even number of backslashes
OnError = Literal["refuse", "keep"]


@dataclass
class Refusals:
    """The refused rows: all are counted, the first are kept."""

    count: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, place: dict[str, Any], error: str) -> None:
        """Refuse one row."""
        self.count += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append({**place, "error": error})

    def as_input_error(self, file_name: str) -> BadInput:
        """The refusal of the whole upload because of these."""
        what = "1 row is" if self.count == 1 else f"{self.count:,} rows are"
        detail = f"{what} refused in {file_name}; nothing was added."
        return BadInput(detail, errors=list(self.errors), added=0, refused_count=self.count)


@dataclass
class Checked:
    """A checked file: its good rows wait in a temporary file, distinct by content, in order."""

    spool: IO[bytes]
    good: int = 0
    duplicates: int = 0
    refusals: Refusals = field(default_factory=Refusals)

    def __enter__(self) -> "Checked":
        return self

    def __exit__(self, *_: object) -> None:
        self.spool.close()

    def put(self, one: Candidate) -> None:
        """Append a good row. Raises Refused where it holds what a database cannot."""
        record = [one.place, one.content, one.meta, one.external_id, one.answer, one.digest.hex()]
        try:
            line = orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError as error:
            raise Refused(f"It holds a value that cannot be kept: {error}.") from error
        if b"\\u0000" in line and _NUL.search(line):
            raise Refused("It holds a NUL character.")
        self.spool.write(line)
        self.good += 1

    def candidates(self) -> Iterator[Candidate]:
        """The good rows."""
        self.spool.seek(0)
        for line in self.spool:
            place, content, meta, name, answer, digest = orjson.loads(line)
            yield Candidate(place, content, meta, name, answer, bytes.fromhex(digest))


def check(
    modality: str, task: dict[str, Any], path: Path, file_name: str, mapping: Mapping, on_error: OnError
) -> Checked:
    """Read every row of a file and decode every image; images that will be added are put into the store.

    Raises BadInput where the file cannot be read, or a row is refused and `on_error` is "refuse".
    """
    checked = Checked(TemporaryFile(dir=store.folder("uploads")))  # noqa: SIM115 - the caller closes what it gets
    try:
        with path.open("rb") as stream:
            _read_all(checked, modality, load(task), stream, file_name, mapping)
            if checked.refusals.count and on_error == "refuse":
                raise checked.refusals.as_input_error(file_name)
            if modality == "image":
                _keep_media(checked, stream, file_name)
    except Unreadable as error:
        checked.spool.close()
        raise BadInput(f"{file_name}: {error}", errors=[{**error.place, "error": str(error)}], added=0) from error
    except BaseException:
        checked.spool.close()
        raise
    return checked


def _read_all(checked: Checked, modality: str, task: Task, stream: BinaryIO, file_name: str, mapping: Mapping) -> None:
    name = formats.detect(file_name, stream)
    if (name in ("zip", "image")) != (modality == "image"):
        wanted = "images or a ZIP of images" if modality == "image" else "CSV, TSV, JSON, JSON Lines or Parquet"
        raise BadInput(f"{file_name} cannot be added: a project of this kind takes {wanted}.", added=0)
    if modality != "image":
        mapping = _resolved(mapping, modality, task, name, stream)
    elif mapping.label not in (None, "folder"):
        raise BadInput("The label of images is their folder.", errors=[{"field": "label", "error": "say folder"}])
    reader = RowReader(modality, task, mapping, name in ("csv", "tsv"), current().image_limit_pixels)
    _sieve(checked, reader, name, stream, file_name)
    if not checked.good and not checked.refusals.count:
        raise BadInput(f"{file_name} holds no rows.", added=0)


def _resolved(mapping: Mapping, modality: str, task: Task, name: str, stream: BinaryIO) -> Mapping:
    """The mapping with a text column where none was named, its columns being in the file."""
    rows = [row.values for row in sample(name, stream)]
    columns = columns_of(rows)
    errors = missing_columns(mapping, columns) if rows and formats.get(name).flat else []
    own = bool(rows) and all(isinstance(row.get("content"), dict) for row in rows)
    if modality == "text" and mapping.text is None and rows and not own:
        mapping = replace(mapping, text=guess_mapping(rows, modality, task.classes).text)
        if mapping.text is None:
            errors.append({"field": "text", "error": "No column holds texts; name the one that does."})
    if errors:
        raise BadInput(" ".join(error["error"] for error in errors), errors=errors, added=0)
    return mapping


def _sieve(checked: Checked, reader: RowReader, name: str, stream: BinaryIO, file_name: str) -> None:
    """Every row to where it belongs: good, duplicate or refused."""
    seen: set[bytes] = set()
    names: dict[bytes, bytes] = {}
    for row in _until_unreadable(formats.get(name).read(stream, limits()), checked):
        if name == "image":
            row.place["name"] = file_name[:500]
        if isinstance(row, Bad):
            checked.refusals.add(row.place, row.error)
            continue
        try:
            one = reader.candidate(row)
            if one.digest in seen:
                checked.duplicates += 1
                continue
            if one.external_id and names.setdefault(_short(one.external_id), one.digest) != one.digest:
                raise Refused(f"Its external id {one.external_id} stands before, with other content.")
            checked.put(one)
            seen.add(one.digest)
        except Refused as error:
            checked.refusals.add(row.place, str(error))


def _until_unreadable(rows: Iterator[Row | Bad], checked: Checked) -> Iterator[Row | Bad]:
    """The rows; a file that breaks off after some of them has one more refused row there, and ends."""
    try:
        yield from rows
    except Unreadable as error:
        if not checked.good:
            raise
        checked.refusals.add(error.place, f"Nothing from here on can be read. {error}")


def _short(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()


def _keep_media(checked: Checked, stream: BinaryIO, file_name: str) -> None:
    """Store the bytes of the good images, now that no refusal can come any more."""
    wanted = {one.content["image"] for one in checked.candidates()}
    for row in formats.get(formats.detect(file_name, stream)).read(stream, limits()):
        if isinstance(row, Row):
            name = sha256(row.values["image"]).hexdigest()
            if name in wanted:
                wanted.discard(name)
                store.keep_medium(name, row.values["image"])
    store.flush()
