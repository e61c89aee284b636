"""Text of a file: its encoding, and its physical lines in bounded memory, with bytes that are not text found."""

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from app.core.formats import Unreadable

# A byte that is not UTF-8 comes through as one of these (surrogateescape), so that only its row is refused.
_ESCAPED = re.compile("[\ud800-\udfff]")


def open_text(stream: BinaryIO) -> io.TextIOWrapper:
    """The file as text, line ends kept. Reads UTF-8 and UTF-16, the latter by its byte order mark."""
    stream.seek(0)
    head = stream.read(4)
    stream.seek(0)
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and b"\x00" in head:
        raise Unreadable("Byte 0x00 among the first four: perhaps UTF-16 without a mark. Save it as UTF-8.", line=1)
    return io.TextIOWrapper(
        stream, "utf-16" if wide else "utf-8-sig", errors="strict" if wide else "surrogateescape", newline=""
    )


def lines(text: io.TextIOWrapper, limit: int) -> Iterator[str]:
    """Physical lines with their ends. Raises Unreadable where one is longer than the limit, or not UTF-16."""
    number = 0
    while True:
        number += 1
        try:
            line = text.readline(limit)
        except UnicodeDecodeError as error:
            at = error.object[error.start]
            raise Unreadable(f"Byte 0x{at:02X} is not UTF-16. Save the file as UTF-8.", line=number) from error
        if not line:
            return
        if len(line) == limit and line[-1] not in "\r\n":
            raise Unreadable(f"The line is longer than {limit:,} characters.", line=number)
        yield line


def fault(text: str) -> str | None:
    """Why this is not text that can be kept, or None."""
    if "\x00" in text:
        return "It holds a NUL byte."
    found = None if text.isascii() else _ESCAPED.search(text)
    if found is None:
        return None
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"Byte 0x{code - 0xDC00:02X}, after {found.start()} characters, is not UTF-8. Save the file as UTF-8."
    return f"Character {found.start() + 1} is half of a surrogate pair."


def too_deep(value: Any, limit: int) -> bool:
    """Whether plain data nests more than `limit` lists and objects; without recursion, which it would exhaust."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(outer, dict | list) for outer in level)
