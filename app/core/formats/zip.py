"""The format `zip`: an archive of images, whose folders may be class names; measured before it is unpacked."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from stat import S_ISLNK
from typing import Any, BinaryIO, ClassVar

from app.core.formats import Bad, Columns, Format, Limits, Row, Unreadable
from app.core.formats._images import WANTED, looks_like_one

_JUNK_FOLDERS = {"__MACOSX", ".git", ".ipynb_checkpoints"}
_JUNK_FILES = {".ds_store", "thumbs.db", "desktop.ini"}
_ENTRY_BYTES = 512  # of the directory, for each file: a generous name
_FREE_BYTES = 2**20  # smaller files may pack as well as they like
_END, _END64 = b"PK\x05\x06", b"PK\x06\x07"


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
        _measure_directory(stream, limits)
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
            raise Unreadable(f"It is not a ZIP archive that can be read: {str(error)[:200]}.") from error
        with archive:
            entries = [info for info in archive.infolist() if not _is_junk(info)]
            _measure(entries, limits)
            for info in entries[passed:]:
                yield _read_one(archive, info, limits)

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:
        """Not possible: an archive of images holds no labels."""
        raise NotImplementedError("an archive of images holds no labels")


def _measure_directory(stream: BinaryIO, limits: Limits) -> None:
    """Refuse a directory too large to be read, before the standard library makes an object of every entry."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 65_557))  # the end record and the longest comment
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise Unreadable("It is not a ZIP archive, or it was cut off: its directory is missing.")
    directory = struct.unpack_from("<I", tail, at + 12)[0]
    if tail[max(0, at - 20) : at].startswith(_END64):
        stream.seek(min(size, struct.unpack_from("<Q", tail, at - 12)[0]))
        record = stream.read(56)
        directory = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else size
    stream.seek(0)
    if directory > limits.files * _ENTRY_BYTES:
        raise Unreadable(f"The archive's directory is too large; {limits.files:,} files are allowed.")


def _measure(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(entries) > limits.files:
        raise Unreadable(f"The archive holds {len(entries):,} files; {limits.files:,} are allowed.")
    unpacked = sum(info.file_size for info in entries)
    if unpacked > limits.unpacked_bytes:
        raise Unreadable(f"Unpacked it would be {unpacked:,} bytes; {limits.unpacked_bytes:,} are allowed.")


def _is_junk(info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    named = path.name.lower() in _JUNK_FILES or path.name.startswith("._")
    return info.is_dir() or named or bool(_JUNK_FOLDERS.intersection(path.parts))


def _read_one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Row | Bad:
    name = info.filename.replace("\\", "/")
    place = {"name": name[:500]}
    refusal = _refusal(name, info, limits)
    if refusal:
        return Bad(place, refusal)
    try:
        with archive.open(info) as entry:
            head = entry.read(12)
            if not looks_like_one(head):
                return Bad(place, f"It is not an image that can be shown: {WANTED} is wanted.")
            data = head + entry.read(limits.file_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        return Bad(place, f"It cannot be unpacked: {str(error)[:200]}.")
    if len(data) > limits.file_bytes:  # whatever the directory said of its size
        return Bad(place, f"It is larger than {limits.file_bytes:,} bytes.")
    return Row({"name": name}, {"image": data, "folders": PurePosixPath(name).parts[:-1]})


def _refusal(name: str, info: zipfile.ZipInfo, limits: Limits) -> str | None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return "Its name is an absolute path."
    if ".." in parts:
        return "Its name leads out of the archive."
    if "\x00" in info.orig_filename or len(name) > 500:
        return "Its name holds a NUL byte." if len(name) <= 500 else "Its name is longer than 500 characters."
    if S_ISLNK(info.external_attr >> 16):
        return "It is a symbolic link."
    if info.flag_bits & 0x1:
        return "It is encrypted."
    if info.file_size > limits.file_bytes:
        return f"It is larger than {limits.file_bytes:,} bytes."
    if info.file_size > max(_FREE_BYTES, limits.ratio * info.compress_size):
        return f"It is packed more than {limits.ratio} times: perhaps a bomb."
    return None
