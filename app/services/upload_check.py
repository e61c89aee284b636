"""Checking a whole upload before anything is written: no database, so that nobody waits for a lock meanwhile."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from app import store
from app.core import formats
from app.core.formats import Bad, Row, Unreadable
from app.core.tasks import Task, load
from app.errors import BadInput
from app.services import quotas
from app.services.upload_journal import Journal
from app.services.upload_mapping import Mapping, columns_of, guess_mapping, limits, sample
from app.services.upload_rows import Refused, RowReader, missing_columns
from app.services.upload_spool import Checked
from app.settings import current

OnError = Literal["refuse", "keep"]
_MEDIA_AT_ONCE, _MEDIA_BYTES = 64, 32 * 2**20  # sent to the store together


def check(
    modality: str, task: dict[str, Any], path: Path, file_name: str, mapping: Mapping, on_error: OnError
) -> Checked:
    """Read every row of a file and decode every image; images that will be added are put into the store.

    Raises BadInput where the file cannot be read, it is more than a project may hold, or a row is refused and
    `on_error` is "refuse".
    """
    told = [modality, task, asdict(mapping), on_error, file_name]
    # Images take a thousand times as long as texts: an archive that was interrupted goes on when it is sent again.
    checked = Checked(store.folder("checks"), Journal.of(path, told) if modality == "image" else None)
    try:
        with path.open("rb") as stream:
            _read_all(checked, modality, load(task), stream, file_name, mapping)
            if checked.refusals.count and on_error == "refuse":
                raise checked.refusals.as_input_error(file_name)
            # What a full project has already may come again; what is too much by itself is not even stored.
            quotas.refuse_beyond(checked, None)
            if modality == "image":
                _keep_media(checked, stream, file_name)
    except Unreadable as error:
        checked.close()
        raise BadInput(f"{file_name}: {error}", errors=[{**error.place, "error": str(error)}], added=0) from error
    except BadInput:
        checked.close()
        raise
    except BaseException:  # the process is told to stop, the disk is full: what was read is not lost
        checked.suspend()
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
    checked.settle()
    if not checked.read and not checked.refusals.count:
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
    """Every row to where it belongs: to those that can become items, or refused."""
    for row in _until_unreadable(formats.get(name).read_from(stream, limits(), checked.passed), checked):
        if name == "image":
            row.place["name"] = file_name[:500]
        try:
            if isinstance(row, Bad):
                raise Refused(row.error)
            checked.put(reader.candidate(row))
        except Refused as error:
            checked.refusals.add(row.place, str(error))
        checked.note_passed()


def _until_unreadable(rows: Iterator[Row | Bad], checked: Checked) -> Iterator[Row | Bad]:
    """The rows; a file that breaks off after some of them has one more refused row there, and ends."""
    most = limits().rows
    try:
        for number, row in enumerate(rows):
            if number >= most:
                raise Unreadable(f"The file has more than {most:,} rows.", **row.place)
            yield row
    except Unreadable as error:
        if not checked.read:
            raise
        checked.refusals.add(error.place, f"Nothing from here on can be read. {error}")


def _keep_media(checked: Checked, stream: BinaryIO, file_name: str) -> None:
    """Store the bytes of the good images, now that no refusal can come any more."""
    wanted = (orjson.loads(one.content)["image"] for one in checked.candidates())
    name = next(wanted, None)
    held: dict[str, bytes] = {}
    for row in formats.get(formats.detect(file_name, stream)).read(stream, limits()):
        # The good images come in the archive's order: no list of a million names is needed to know them.
        if isinstance(row, Row) and name == sha256(row.values["image"]).hexdigest():
            held[name] = row.values["image"]
            name = next(wanted, None)
        if len(held) >= _MEDIA_AT_ONCE or sum(map(len, held.values())) >= _MEDIA_BYTES:
            store.keep_media(held)
            held = {}
    store.keep_media(held)
    store.flush()
