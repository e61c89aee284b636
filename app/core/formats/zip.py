"""The format `zip`: an archive of images, whose folders may be class names; measured before it is unpacked."""

from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from stat import S_ISLNK
from typing import Any, BinaryIO, ClassVar

from app.core.formats import Bad, Columns, Format, Limits, Row, Unreadable
from app.core.formats._images import WANTED, looks_like_one
from app.core.formats._zip_directory import BadEntry, Entry, Place, entries, find, unpacked

_JUNK_FOLDERS = {"__MACOSX", ".git", ".ipynb_checkpoints"}
_JUNK_FILES = {".ds_store", "thumbs.db", "desktop.ini"}
_ENTRY_BYTES = 512  # of the directory, for each file: a generous name
_FREE_BYTES = 2**20  # smaller files may pack as well as they like
_HEAD_BYTES = 12  # what tells an image from something else
_NO_IMAGE = f"It is not an image that can be shown: {WANTED} is wanted."


class Zip(Format):
    """A ZIP archive of images; a folder's name may be the class of the images in it."""

    title: ClassVar[str] = "ZIP of images"
    suffix: ClassVar[str] = ".zip"
    media_type: ClassVar[str] = "application/zip"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = False

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """Rows {"image": bytes, "folders": names of the folders, outermost first}, each at {"name": path}."""
        return self.read_from(stream, limits, 0)

    def read_from(self, stream: BinaryIO, limits: Limits, passed: int) -> Iterator[Row | Bad]:
        """The rows after the first `passed` ones, which are not unpacked."""
        place = find(stream)
        if place.size > limits.files * _ENTRY_BYTES:
            raise Unreadable(f"The archive's directory is too large; {limits.files:,} files are allowed.")
        _measure(_wanted(stream, place), limits)
        for entry in islice(_wanted(stream, place), passed, None):
            yield _read_one(stream, entry, limits)

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:
        """Not possible: an archive of images holds no labels."""
        raise NotImplementedError("an archive of images holds no labels")


def _wanted(stream: BinaryIO, place: Place) -> Iterator[Entry]:
    return (entry for entry in entries(stream, place) if not _is_junk(entry.name))


def _measure(wanted: Iterator[Entry], limits: Limits) -> None:
    """Refuse too much of it before anything is unpacked. Twice through the directory costs seconds for a million."""
    count, total = 0, 0
    for entry in wanted:
        count, total = count + 1, total + entry.size
        if count > limits.files:
            raise Unreadable(f"The archive holds too many files; {limits.files:,} are allowed.")
        if total > limits.unpacked_bytes:
            raise Unreadable(f"Unpacked it would be {total:,} bytes or more; {limits.unpacked_bytes:,} are allowed.")


def _is_junk(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    named = path.name.lower() in _JUNK_FILES or path.name.startswith("._")
    return name.endswith("/") or named or bool(_JUNK_FOLDERS.intersection(path.parts))


def _read_one(stream: BinaryIO, entry: Entry, limits: Limits) -> Row | Bad:
    name = entry.name.replace("\\", "/")
    place = {"name": name[:500]}
    refusal = _refusal(name, entry, limits)
    if refusal:
        return Bad(place, refusal)
    data, is_looked_at = bytearray(), False
    try:
        for piece in unpacked(stream, entry):
            data += piece
            if not is_looked_at and len(data) >= _HEAD_BYTES:
                is_looked_at = True
                if not looks_like_one(bytes(data[:_HEAD_BYTES])):
                    return Bad(place, _NO_IMAGE)
    except (BadEntry, OSError) as error:
        return Bad(place, f"It cannot be unpacked: {str(error)[:200]}.")
    if not is_looked_at:
        return Bad(place, _NO_IMAGE)
    return Row({"name": name}, {"image": bytes(data), "folders": PurePosixPath(name).parts[:-1]})


def _refusal(name: str, entry: Entry, limits: Limits) -> str | None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return "Its name is an absolute path."
    if ".." in parts:
        return "Its name leads out of the archive."
    if "\x00" in name or len(name) > 500:
        return "Its name holds a NUL byte." if len(name) <= 500 else "Its name is longer than 500 characters."
    if S_ISLNK(entry.mode):
        return "It is a symbolic link."
    if entry.flags & 0x1:
        return "It is encrypted."
    if entry.size > limits.file_bytes:
        return f"It is larger than {limits.file_bytes:,} bytes."
    if entry.size > max(_FREE_BYTES, limits.ratio * entry.packed):
        return f"It is packed more than {limits.ratio} times: perhaps a bomb."
    return None
