"""Formats: how rows come in from a file and go out into one, streaming, with every bad row named by its place."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, ClassVar

from app.core import plugins

# A column's kind, for the formats that need to know it beforehand: "string", "integer", "float", "bool", "time",
# "json" (any plain data), "strings" (a list), or a mapping: a list of records with these columns.
Kind = Any
Columns = Mapping[str, Kind]

_MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PAR1", "parquet"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"RIFF", "image"),
)


# What people send as it is, and have to unpack or convert first; and bytes that no text begins with.
_FOREIGN = (
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"BZh9", "a bzip2 file: unpack it first"),
    (b"\xfd7zXZ\x00", "an xz file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
    (b"\xd0\xcf\x11\xe0", "a file of an old office program: save it as CSV"),
    (b"%PDF-", "a PDF: its text has to be taken out first"),
)
_BINARY = ((b"PK\x03\x04", "a ZIP archive (or an office file)"), (b"\x89PNG\r\n", "a PNG"), (b"\xff\xd8\xff", "a JPEG"))
_TEXTS = ("csv", "tsv", "json", "jsonl")


@dataclass(frozen=True)
class Limits:
    """How much a file may ask for. An archive is measured before it is unpacked, and again while."""

    unpacked_bytes: int = 16 * 2**30
    file_bytes: int = 64 * 2**20  # one file of an archive
    files: int = 500_000
    ratio: int = 200  # unpacked / packed, of a file over a megabyte
    cell_chars: int = 1_000_000
    row_chars: int = 16_000_000
    depth: int = 32
    columns: int = 10_000
    rows: int = 20_000_000
    column_bytes: int = 4 * 2**30  # of a column's part of a Parquet file, unpacked
    batch_bytes: int = 128 * 2**20  # of the rows of one that are in memory as Python has them


@dataclass(frozen=True)
class Row:
    """One good row and where it stands: {"line": n}, the first line being 1, or {"name": file in the archive}."""

    place: dict[str, Any]
    values: dict[str, Any]


@dataclass(frozen=True)
class Bad:
    """One refused row, where it stands, and why, as a sentence for people."""

    place: dict[str, Any]
    error: str


class Unreadable(ValueError):
    """The file as a whole cannot be read (on): nothing after this place can be trusted."""

    def __init__(self, error: str, **place: Any) -> None:
        super().__init__(error)
        self.place = place


class Format(ABC):
    """One file format. A plug-in states `title`, `suffix`, `media_type`, and whether it `reads` and `writes`.

    `flat` formats have columns, so that the caller hands `write` rows with the same plain columns each. `only`: the one
    task whose answers it can hold, where there is but one.
    """

    title: ClassVar[str]
    suffix: ClassVar[str]
    media_type: ClassVar[str]
    reads: ClassVar[bool]
    writes: ClassVar[bool]
    suffixes: ClassVar[tuple[str, ...]] = ()  # others that mean the same
    flat: ClassVar[bool] = False
    only: ClassVar[str] = ""

    @abstractmethod
    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """The rows of a seekable file, in order, in bounded memory. Raises Unreadable."""

    def read_from(self, stream: BinaryIO, limits: Limits, passed: int) -> Iterator[Row | Bad]:
        """The rows after the first `passed` ones."""
        return islice(self.read(stream, limits), passed, None)

    @abstractmethod
    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:
        """Write all rows. `columns` says the names and kinds where the format needs them before the first row."""


def get(name: str) -> Format:
    """A format by its name. Raises UnknownPlugin with the names there are."""
    return plugins.load("formats", name, Format)()


def detect(file_name: str, stream: BinaryIO) -> str:
    """The name of the format a file has: by its suffix, else by its first bytes. Raises Unreadable.

    A `.json` file that starts with an object is read as JSON Lines: many data sets are named so.
    """
    stream.seek(0)
    head = stream.read(4096)
    stream.seek(0)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise Unreadable(f"It is {what}.")
    name = _by_suffix(file_name) or _by_content(head)
    for magic, what in _BINARY:
        if name in _TEXTS and head.startswith(magic):
            raise Unreadable(f"Its name says {name.upper()}, and its first bytes that it is {what}.")
    return "jsonl" if name == "json" and _first_character(head) == "{" else name


def _by_suffix(file_name: str) -> str | None:
    lower = file_name.lower()
    for found in plugins.describe("formats"):
        suffixes = (found.facts["suffix"], *found.facts.get("suffixes", ()))
        if found.facts["reads"] and lower.endswith(suffixes):
            return found.name
    return None


def _by_content(head: bytes) -> str:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    first = _first_character(head)
    if first in "[{":
        return {"[": "json", "{": "jsonl"}[first]
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("This is none of CSV, TSV, JSON, JSON Lines, Parquet, ZIP or an image.")
    return "csv"


def _first_character(head: bytes) -> str:
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return head.decode(encoding, "ignore").lstrip()[:1] or " "
