"""The directory of a ZIP archive, read as a stream: memory does not grow with the number of files in it.

The standard library makes an object of every entry before the first can be read, about 700 bytes each. Here the
directory is walked in pieces of a megabyte, as often as it is asked for. Record formats: PKWARE's APPNOTE, 4.3 and 4.5.
"""

import bz2
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from app.core.formats import Unreadable

_END, _LOCATOR, _END64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_ENTRY, _FILE = b"PK\x01\x02", b"PK\x03\x04"
_FIXED = struct.Struct("<4s6H3L5H2L")
_LARGEST_END = 65_557  # the end record and the longest comment
_BLOCK = 2**20
_PIECE = 2**16
_NEWEST_VERSION = 63
_STORED, _DEFLATED, _BZIP2 = 0, 8, 12
_UTF8, _PATCHED, _STRONG = 0x800, 0x20, 0x40


class BadEntry(ValueError):
    """A file of the archive that cannot be unpacked; the message says why."""


class Entry(NamedTuple):
    """A file as the directory tells of it. `packed`, `size` in bytes; `at`: where its own header stands."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    at: int


class Place(NamedTuple):
    """Where a directory stands, how long it is, and how far everything is from where it says: what stands before it."""

    start: int
    size: int
    shift: int


def find(stream: BinaryIO) -> Place:
    """Where the directory is. Raises Unreadable."""
    whole = stream.seek(0, 2)
    first = stream.seek(max(0, whole - _LARGEST_END))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise Unreadable("It is not a ZIP archive, or it was cut off: its directory is missing.")
    size, offset = struct.unpack_from("<2L", tail, at + 12)
    end = first + at
    if tail[max(0, at - 20) : at].startswith(_LOCATOR):
        (record_at,) = struct.unpack_from("<Q", tail, at - 12)
        record = _record64(stream, record_at, end)
        size, offset = struct.unpack_from("<2Q", record, 40)
        end -= 20 + 56
    start = end - size
    if size > end or start < offset:
        raise Unreadable("It is not a ZIP archive that can be read: its directory is not where it says.")
    return Place(start, size, start - offset)


def _record64(stream: BinaryIO, at: int, end: int) -> bytes:
    for place in (at, end - 76):  # the second where something stands before the archive
        if 0 <= place < end:
            stream.seek(place)
            record = stream.read(56)
            if len(record) == 56 and record.startswith(_END64):
                return record
    raise Unreadable("It is not a ZIP archive that can be read: its directory is missing.")


def entries(stream: BinaryIO, place: Place) -> Iterator[Entry]:
    """Every entry in order; between two of them the stream may be read elsewhere. Raises Unreadable."""
    buffer, at, position, left = b"", 0, place.start, place.size
    while left or at < len(buffer):
        told = _entry(buffer, at, place.shift)
        if told is not None:
            yield told[0]
            at = told[1]
            continue
        stream.seek(position)
        more = stream.read(min(_BLOCK, left))
        if not more:
            raise Unreadable("It is not a ZIP archive that can be read: its directory is broken off.")
        buffer, at, position, left = buffer[at:] + more, 0, position + len(more), left - len(more)


def _entry(buffer: bytes, at: int, shift: int) -> tuple[Entry, int] | None:
    """The entry at this place, and where the next begins; None where the buffer ends before it."""
    if len(buffer) < at + _FIXED.size:
        return None
    told = _FIXED.unpack_from(buffer, at)
    if told[0] != _ENTRY:
        raise Unreadable("It is not a ZIP archive that can be read: its directory is broken.")
    version, flags, method = told[2:5]
    crc, packed, size, name_length, extra_length, comment_length = told[7:13]
    if version & 0xFF > _NEWEST_VERSION:
        raise Unreadable(f"It is not a ZIP archive that can be read: it wants version {version / 10}.")
    names = at + _FIXED.size
    end = names + name_length + extra_length + comment_length
    if len(buffer) < end:
        return None
    raw = buffer[names : names + name_length]
    extra = buffer[names + name_length : names + name_length + extra_length]
    size, packed, header = _large(extra, size, packed, told[16])
    mode = told[15] >> 16
    return Entry(_name(raw, flags), raw, flags, method, crc, packed, size, mode, header + shift), end


def _name(raw: bytes, flags: int) -> str:
    if flags & _UTF8:
        return raw.decode("utf-8", "replace")
    return raw.decode("cp437")


def _large(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Sizes and places beyond 32 bits stand in an extra field, those that need it, in this order."""
    values, at = [size, packed, header], 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            for which, value in enumerate(values):
                if value == 0xFFFFFFFF and len(field) >= 8:
                    (values[which],), field = struct.unpack_from("<Q", field), field[8:]
            break
        at += 4 + length
    return values[0], values[1], values[2]


def unpacked(stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """A file in pieces, none larger than 64 KiB however well it packs. Raises BadEntry."""
    crc, size = 0, 0
    for piece in _pieces(stream, entry):
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        if size > entry.size:
            raise BadEntry("it holds more than its directory says")
        yield piece
    if crc != entry.crc or size != entry.size:
        raise BadEntry("it is broken, or was cut off")


def _pieces(stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
    stream.seek(_data_at(stream, entry))
    left = entry.packed
    unpack = _unpacker(entry.method)
    while left:
        raw = stream.read(min(_PIECE, left))
        if not raw:
            raise BadEntry("it was cut off")
        left -= len(raw)
        place = stream.tell()
        yield from unpack(raw)
        stream.seek(place)  # whoever took a piece may have read elsewhere


def _data_at(stream: BinaryIO, entry: Entry) -> int:
    if entry.flags & (_PATCHED | _STRONG):
        raise BadEntry("it is packed in a way that is not supported")
    stream.seek(entry.at)
    head = stream.read(30)
    if len(head) < 30 or not head.startswith(_FILE):
        raise BadEntry("it is not where the directory says")
    name_length, extra_length = struct.unpack_from("<2H", head, 26)
    if stream.read(name_length) != entry.raw_name:
        raise BadEntry("it has another name than the directory says")
    return int(entry.at + 30 + name_length + extra_length)


def _unpacker(method: int) -> Callable[[bytes], Iterator[bytes]]:
    if method == _STORED:
        return lambda raw: iter((raw,))
    if method == _DEFLATED:
        return _inflated(zlib.decompressobj(-15))
    if method == _BZIP2:
        return _expanded(bz2.BZ2Decompressor())
    raise BadEntry("it is packed in a way that is not supported")


def _inflated(inflate: Any) -> Callable[[bytes], Iterator[bytes]]:
    def more(raw: bytes) -> Iterator[bytes]:
        while raw and not inflate.eof:
            try:
                piece = inflate.decompress(raw, _PIECE)
            except zlib.error as error:
                raise BadEntry(f"it is broken: {error}") from error
            yield piece
            raw = inflate.unconsumed_tail

    return more


def _expanded(expand: bz2.BZ2Decompressor) -> Callable[[bytes], Iterator[bytes]]:
    def more(raw: bytes) -> Iterator[bytes]:
        while not expand.eof:
            try:
                piece = expand.decompress(raw, _PIECE)
            except OSError as error:
                raise BadEntry(f"it is broken: {error}") from error
            yield piece
            if expand.needs_input:
                return
            raw = b""

    return more
