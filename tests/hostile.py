"""Files that strangers send: broken, lying, huge in a small parcel, wrongly encoded; each with what is said of it."""

import bz2
import gzip
import io
import lzma
import struct
import warnings
import zipfile
from collections.abc import Callable
from zlib import compress, crc32

import pyarrow as pa
import pyarrow.parquet as pq

Files = dict[str, tuple[str, bytes | Callable[[], bytes], str]]  # (file name, bytes or what makes them, what is said)


def png(width: int, height: int, rows: bytes | None = None) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    pixels = compress(rows if rows is not None else (b"\x00" + b"\x07" * 3 * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def archive(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")  # a name twice is what we want
        for name, data in files:
            made.writestr(name, data)
    return stream.getvalue()


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link.png")
    info.external_attr = 0o120777 << 16
    return info


def parquet(**columns: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, compression="zstd")
    return stream.getvalue()


def repeated(length: int, times: int) -> bytes:
    """A text that is in the file once, and many times in its column."""
    return parquet(text=pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), pa.array(["y" * length])))


def changed(data: bytes, old: bytes, new: bytes, last: bool = False) -> bytes:
    assert old in data
    at = data.rindex(old) if last else data.index(old)
    return data[:at] + new + data[at + len(old) :]


ONE = png(2, 2)
TABLE = parquet(text=["a", "b"])
TEXTS: Files = {
    "empty": ("a.csv", b"", "empty"),
    "only a mark": ("a.csv", b"\xef\xbb\xbf", "empty"),
    "only line ends": ("a.csv", b"\n\r\n\n", "empty"),
    "only a header": ("a.csv", b"text,label\n", "no rows"),
    "a header without a name": ("a.csv", b"text,,x\na,b,c\n", "no name for column 2"),
    "a name twice": ("a.csv", b"text,x,x\na,b,c\n", "names x twice"),
    "a million columns": ("a.csv", lambda: b",".join(b"c%d" % k for k in range(10**6)) + b"\n1\n", "1,000,000 columns"),
    "a hundred thousand columns twice": ("a.csv", lambda: b"text," * 100_000 + b"\n", "columns; 10,000 are allowed"),
    "a line of 20 million": ("a.csv", lambda: b"text\n" + b"x" * 20_000_000, "The line is longer"),
    "a cell of 2 million": ("a.csv", lambda: b"text\n" + b"x" * 2_000_000, "longer than 1,000,000 characters"),
    "a mark that never closes": ("a.csv", b'text\n"a\nb\n', "never closes"),
    "one that never closes, large": ("a.csv", lambda: b'text\n"' + b"x\n" * 9_000_000, "never closes"),
    "letters after a mark": ("a.csv", b'text\n"a"b\n', "quotation marks do not fit"),
    "too few cells": ("a.csv", b"text,x\na\n", "It has 1 cells where the header has 2"),
    "too many cells": ("a.csv", b"text,x\na,b,c\n", "It has 3 cells"),
    "a NUL": ("a.csv", b"text\na\x00b\n", "NUL"),
    "a NUL in the header": ("a.csv", b"te\x00xt\na\n", "0x00"),
    "Latin-1": ("a.csv", b"text\ncaf\xe9\n", "0xE9"),
    "UTF-8 and Latin-1": ("a.csv", "text\ncafé\n".encode() + b"caf\xe9\n", "0xE9"),
    "half of UTF-16": ("a.csv", "text\nhello\n".encode("utf-16")[:-1], "UTF-16"),
    "UTF-16 without a mark": ("a.csv", "text\nhello\n".encode("utf-16-le"), "UTF-16 without a mark"),
    "UTF-32": ("a.csv", "text\nhello\n".encode("utf-32"), "NUL"),
    "gzip": ("a.csv.gz", gzip.compress(b"text\na\n"), "gzip file: unpack it first"),
    "gzip named CSV": ("a.csv", gzip.compress(b"text\na\n"), "gzip file"),
    "a gzip bomb": ("a.csv", lambda: gzip.compress(bytes(10**8)), "gzip file"),
    "xz": ("a.jsonl", lzma.compress(b"{}"), "xz file"),
    "bzip2": ("a.jsonl", bz2.compress(b"{}"), "bzip2 file"),
    "a ZIP named CSV": ("a.csv", archive(("a.csv", b"text\na\n")), "its first bytes that it is a ZIP"),
    "an office file": ("a.xlsx", archive(("xl/sheet.xml", b"<x/>")), "takes CSV"),
    "a picture named CSV": ("a.csv", ONE, "PNG"),
    "a picture": ("a.png", ONE, "takes CSV"),
    "a PDF": ("a.pdf", b"%PDF-1.7\n", "PDF"),
    "bytes": ("a.bin", bytes(range(256)), "none of"),
    "no JSON": ("a.jsonl", b"{text: 1}\n", "not JSON"),
    "a JSON text": ("a.jsonl", b'"a"\n', "a text where an object"),
    "a JSON list a line": ("a.jsonl", b"[1]\n", "a list where an object"),
    "NaN": ("a.jsonl", b'{"text": "a", "n": NaN}\n', "not JSON"),
    "a number beyond all": ("a.jsonl", b'{"text": "a", "n": 1e999}\n', "not JSON"),
    "half a pair": ("a.jsonl", b'{"text": "\\ud800"}\n', "not JSON"),
    "an escaped NUL": ("a.jsonl", b'{"text": "a\\u0000b"}\n', "NUL"),
    "a NUL in a name": ("a.jsonl", b'{"text": "a", "\\u0000": 1}\n', "NUL"),
    "deep": ("a.jsonl", b'{"text": "a", "d": ' + b"[" * 40 + b"]" * 40 + b"}\n", "32 levels"),
    "very deep": ("a.jsonl", b'{"text": ' + b"[" * 10**6 + b"]" * 10**6 + b"}\n", "not JSON"),
    "deep outside": ("a.json", b"[" * 10**6, "cut off"),
    "a million fields": (
        "a.jsonl",
        lambda: b"{" + b",".join(b'"k%d":1' % k for k in range(10**6)) + b"}\n",
        "1,000,000 fields",
    ),
    "an array cut off": ("a.json", b'[{"text": "a"}, {"te', "cut off"),
    "something after the array": ("a.json", b'[{"text": "a"}] x', "closing bracket"),
    "a bracket too many": ("a.json", b'[{"text": "a"}}]', "never opened"),
    "a text that is a number": ("a.jsonl", b'{"text": 5}\n', "No column holds texts"),
    "an empty text": ("a.jsonl", b'{"text": "a"}\n{"text": "  "}\n', "empty"),
    "a name of two contents": (
        "a.jsonl",
        b'{"text": "a", "external_id": "1"}\n{"text": "b", "external_id": "1"}\n',
        "external id",
    ),
    "Parquet cut off": ("a.parquet", TABLE[:-30], "Parquet"),
    "Parquet without its middle": ("a.parquet", TABLE[:4] + TABLE[-60:], "Parquet"),
    "only its name is Parquet": ("a.parquet", b"text\na\n", "Parquet"),
    "a text 2,000 times": ("a.parquet", lambda: repeated(2_000_000, 2000), "packed more than 200 times"),
    "a long text thrice": ("a.parquet", lambda: repeated(5_000_000, 3), "longer than 1,000,000 characters"),
    "30 million nothings": ("a.parquet", lambda: parquet(text=pa.nulls(30_000_000, pa.string())), "30,000,000 rows"),
    "bytes for texts": ("a.parquet", parquet(text=pa.array([b"\xff\x00"])), "bytes"),
    "a time beyond time": (
        "a.parquet",
        parquet(text=["a"], at=pa.array([2**62], pa.timestamp("us"))),
        "cannot be read",
    ),
    "a list of a million texts": (
        "a.parquet",
        lambda: parquet(text=["a"], n=pa.array([[["z" * 1000] * 1000] * 100])),
        "longer than 16,000,000",
    ),
}
IMAGES: Files = {
    "empty": ("a.png", b"", "not an image"),
    "a text named PNG": ("a.png", b"hello", "not an image"),
    "HTML named PNG": ("a.png", b"<script>alert(1)</script>", "not an image"),
    "SVG": ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not an image"),
    "cut off": ("a.png", png(50, 50)[:-40], "broken or cut off"),
    "only its beginning": ("a.png", ONE[:20], "broken or cut off"),
    "a wrong sum": ("a.png", changed(ONE, b"IDAT", b"IDAT\x00")[:-1], "broken or cut off"),
    "fewer pixels than it says": ("a.png", png(100, 100, b"\x00"), "broken or cut off"),
    "3.6 billion pixels": (
        "a.png",
        png(60_000, 60_000, b""),
        "far too many pixels",
    ),
    "a JPEG's first bytes": ("a.jpg", b"\xff\xd8\xff\xe0", "not an image"),
    "a GIF of nothing": ("a.gif", b"GIF89a" + bytes(10), "image"),
    "no end": ("a.zip", archive(("a.png", ONE))[:-10], "cut off"),
    "no archive": ("a.zip", b"PK\x03\x04", "not a ZIP"),
    "an empty archive": ("a.zip", archive(), "no rows"),
    "only a folder": ("a.zip", archive(("a/", b"")), "no rows"),
    "out of it": ("a.zip", archive(("../../etc/a.png", ONE)), "leads out"),
    "out of it, from Windows": ("a.zip", archive(("..\\..\\a.png", ONE)), "leads out"),
    "absolute": ("a.zip", archive(("/etc/a.png", ONE)), "absolute"),
    "a drive": ("a.zip", archive(("C:/a.png", ONE)), "absolute"),
    "a link": ("a.zip", archive((link(), b"/etc/passwd")), "symbolic link"),
    "an archive in it": ("a.zip", archive(("b.zip", archive(("c.png", ONE)))), "not an image"),
    "a bomb": ("a.zip", lambda: archive(("a.png", ONE + bytes(3 * 10**7))), "packed more than 200 times"),
    "a larger bomb": ("a.zip", lambda: archive(("a.png", ONE + bytes(10**8))), "larger than"),
    "a name that lasts": ("a.zip", archive(("x" * 600 + ".png", ONE)), "longer than 500"),
    "a lying size": ("a.zip", changed(archive(("a.png", ONE)), b"\x00\x00\x00a.png", b"\x00\x00\x00b.png"), "unpacked"),
    "an unknown version": (
        "a.zip",
        changed(archive(("a.png", ONE)), b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xa1"),
        "ZIP",
    ),
    "encrypted": (
        "a.zip",
        changed(archive(("a.png", ONE)), b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
        "encrypted",
    ),
    "two of a name": ("a.zip", archive(("a.png", ONE), ("a.png", png(3, 3))), "external id"),
    "a text in it": ("a.zip", archive(("a.png", ONE), ("readme.txt", b"hello")), "not an image"),
    "a table": ("a.csv", b"text\na\n", "takes images"),
}
