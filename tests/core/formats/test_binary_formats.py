"""ZIP, images and Parquet: nothing a stranger packs leads out of the archive, fills the disk or passes for an image."""

import io
import struct
import warnings
import zipfile
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from PIL import Image

from app.core import formats
from app.core.formats import Bad, Limits, Row, Unreadable
from app.core.formats._images import NotAnImage, examine
from tests.memory import peak_of


def picture(size: tuple[int, int] = (8, 6), kind: str = "PNG", color: str = "red", **more: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, kind, **more)
    return stream.getvalue()


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return stream.getvalue()


def read(data: bytes, limits: Limits | None = None) -> list[Row | Bad]:
    return list(formats.get("zip").read(io.BytesIO(data), limits or Limits()))


def only_refusal(data: bytes, limits: Limits | None = None) -> str:
    (found,) = read(data, limits)
    assert isinstance(found, Bad)
    return found.error


def test_images_are_read_with_their_folders_and_junk_is_passed_over():
    files = {"cat/a.png": picture(), "x/dog/b.jpg": picture(kind="JPEG"), "c.gif": picture(kind="GIF")}
    junk = {"__MACOSX/cat/._a.png": b"x", "cat/.DS_Store": b"x", "Thumbs.db": b"x", "cat/": b""}
    rows = read(archive({**files, **junk}))
    assert [row.place["name"] for row in rows] == list(files)
    assert [row.values["folders"] for row in rows if isinstance(row, Row)] == [("cat",), ("x", "dog"), ()]
    assert [row.values["image"] for row in rows if isinstance(row, Row)] == list(files.values())


def test_a_file_that_is_no_image_is_refused_by_name_whatever_its_suffix():
    rows = read(archive({"notes.txt": b"hello", "a.png": picture(), "fake.png": b"hello"}))
    assert [(type(row), row.place["name"]) for row in rows] == [(Bad, "notes.txt"), (Row, "a.png"), (Bad, "fake.png")]


@pytest.mark.parametrize("name", ["../a.png", "cat/../../a.png", "..\\a.png"])
def test_a_name_that_leads_out_of_the_archive_is_refused(name: str):
    assert "leads out" in only_refusal(archive({name: picture()}))


@pytest.mark.parametrize("name", ["/etc/a.png", "C:\\a.png", "\\a.png"])
def test_an_absolute_name_is_refused(name: str):
    assert "absolute" in only_refusal(archive({name: picture()}))


def test_a_symbolic_link_is_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        info = zipfile.ZipInfo("a.png")
        info.external_attr = 0o120777 << 16
        made.writestr(info, "/etc/passwd")
    assert "symbolic link" in only_refusal(stream.getvalue())


def test_an_encrypted_entry_is_refused():
    data = bytearray(archive({"a.png": picture()}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at] |= 1
    assert "encrypted" in only_refusal(bytes(data))


def test_a_file_that_packs_too_well_is_refused_as_a_bomb():
    assert "bomb" in only_refusal(archive({"a.bmp": b"BM" + bytes(5_000_000)}))


def test_sizes_are_limited_before_unpacking():
    data = archive({"a.png": picture(), "b.png": picture(color="blue")})
    with pytest.raises(Unreadable, match="Unpacked"):
        read(data, Limits(unpacked_bytes=len(picture())))
    with pytest.raises(Unreadable, match="too many files; 1 "):
        read(data, Limits(files=1))
    assert "larger than 10 bytes" in only_refusal(archive({"a.png": picture()}), Limits(file_bytes=10))


def test_a_directory_that_lies_about_a_size_does_not_get_more_than_it_says():
    image = picture((64, 64))
    data = bytearray(archive({"a.png": image}))
    at = data.index(b"PK\x01\x02") + 24
    struct.pack_into("<I", data, at, 20)  # the directory says 20 bytes
    assert "cannot be unpacked" in only_refusal(bytes(data))


@cache
def _many(files: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for number in range(files):
            made.writestr(f"a folder with a longer name/{number:07d}.png", b"")
    return stream.getvalue()


def _read_all(files: int) -> None:
    assert sum(1 for _ in formats.get("zip").read(io.BytesIO(_many(files)), Limits())) == files


def test_the_directory_of_many_files_takes_no_more_memory_than_that_of_some():
    # The standard library makes a list of it: 700 bytes a file, 17 MiB more.
    assert peak_of(_read_all, 40_000) < peak_of(_read_all, 15_000) + 4 * 2**20


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_every_form_that_programs_write_is_read(method: int):
    image, stream = picture((90, 90)), io.BytesIO()
    stream.write(b"#!/bin/sh something before the archive")
    with zipfile.ZipFile(stream, "a", method) as made:
        with made.open("large/ü.png", "w", force_zip64=True) as file:
            file.write(image)
        made.comment = b"said at the end"
    rows = read(stream.getvalue())
    assert [row.values["image"] for row in rows if isinstance(row, Row)] == [image]
    assert rows[0].place == {"name": "large/ü.png"}


def test_places_and_sizes_beyond_32_bits_are_read():
    image = picture()
    data = bytearray(archive({"a.png": image}))
    at = data.index(b"PK\x01\x02")
    packed, size = struct.unpack_from("<2I", data, at + 20)
    struct.pack_into("<2I", data, at + 20, 2**32 - 1, 2**32 - 1)
    struct.pack_into("<I", data, at + 42, 2**32 - 1)
    extra = struct.pack("<2H3Q", 1, 24, size, packed, 0)
    struct.pack_into("<H", data, at + 30, len(extra))
    end = data.index(b"PK\x05\x06")
    length = end + len(extra) - at
    far = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, length, at)
    far += struct.pack("<4sLQL", b"PK\x06\x07", 0, at + length, 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    (row,) = read(bytes(data[:end]) + extra + far + tail)
    assert isinstance(row, Row)
    assert row.values["image"] == image


def test_a_directory_too_large_to_be_read_is_refused_unread():
    data = bytearray(archive({"a.png": picture()}))
    struct.pack_into("<I", data, data.rindex(b"PK\x05\x06") + 12, 2**31)
    with pytest.raises(Unreadable, match="directory"):
        read(bytes(data))


def test_a_broken_or_cut_off_archive_is_refused():
    data = archive({"a.png": picture((50, 50))})
    for broken in (b"", b"PK\x03\x04", data[: len(data) // 2], data[20:-30]):
        with pytest.raises(Unreadable, match="ZIP"):
            read(broken)


def test_damaged_bytes_refuse_one_image():
    first, second = picture((80, 80)), picture((70, 70), color="blue")
    data = bytearray(archive({"a.png": first, "b.png": second}))
    data[60] ^= 0xFF
    bad, fine = read(bytes(data))
    assert isinstance(bad, Bad)
    assert isinstance(fine, Row)


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"),
                                                  ("WEBP", "image/webp"), ("BMP", "image/bmp")])  # fmt: skip
def test_what_browsers_show_is_taken(kind: str, media_type: str):
    found = examine(picture((8, 6), kind), 100)
    assert (found.media_type, found.width, found.height) == (media_type, 8, 6)


def test_an_image_turned_by_its_orientation_has_its_sides_as_shown():
    exif = Image.Exif()
    exif[274] = 6
    found = examine(picture((8, 6), "JPEG", exif=exif), 100)
    assert (found.width, found.height) == (6, 8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_truncated_image_is_refused(kind: str):
    stream = io.BytesIO()
    Image.effect_noise((200, 200), 50).convert("RGB").save(stream, kind)
    with pytest.raises(NotAnImage):
        examine(stream.getvalue()[: len(stream.getvalue()) * 6 // 10], 10**6)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded():
    with pytest.raises(NotAnImage, match="pixels"):
        examine(picture((101, 100)), 10_000)
    data = bytearray(picture((8, 8)))
    struct.pack_into(">II", data, 16, 60_000, 60_000)  # a decompression bomb says so in its header
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in production, where Pillow's first warning only warns
        with pytest.raises(NotAnImage):
            examine(bytes(data), 10**6)


def test_what_only_looks_like_an_image_is_refused():
    for data in (b"\x89PNG\r\n\x1a\n" + bytes(50), b"\xff\xd8\xff" + bytes(50), b"GIF89a", b"BM", b"", b"<svg/>"):
        with pytest.raises(NotAnImage):
            examine(data, 10**6)


def test_a_single_image_is_one_row():
    (row,) = formats.get("image").read(io.BytesIO(picture()), Limits())
    assert isinstance(row, Row)
    assert row.values["image"] == picture()
    (bad,) = formats.get("image").read(io.BytesIO(b"hello"), Limits())
    assert isinstance(bad, Bad)


COLUMNS = {
    "id": "integer", "text": "string", "at": "time", "score": "float", "ok": "bool", "classes": "strings",
    "meta": "json", "labels": {"annotator": "string", "answer": "json"},
}  # fmt: skip


def test_parquet_keeps_types_and_nested_records():
    import pyarrow.parquet as pq

    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    labels = [{"annotator": "bob", "answer": {"class": "a"}}]
    row = {"id": 1, "text": "ä", "at": at, "score": 2, "ok": True, "classes": ["a"], "meta": {"b": 1}, "labels": labels}
    stream = io.BytesIO()
    formats.get("parquet").write(iter([row, {"id": 2}]), stream, COLUMNS)
    table = pq.read_table(io.BytesIO(stream.getvalue()))
    first, second = table.to_pylist()
    assert first == {**row, "meta": '{"b":1}', "labels": [{"annotator": "bob", "answer": '{"class":"a"}'}]}
    assert second["text"] is None
    assert second["labels"] is None
    back = list(formats.get("parquet").read(stream, Limits()))
    assert [row.place for row in back] == [{"line": 1}, {"line": 2}]


def test_parquet_reads_a_missing_number_as_null_and_refuses_bytes_and_broken_files():
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.table({"n": [float("nan"), 1.0, 2.0], "b": [None, b"x", None]}), stream)
    first, second, third = formats.get("parquet").read(stream, Limits())
    assert first == Row({"line": 1}, {"n": None, "b": None})
    assert isinstance(second, Bad)
    assert third == Row({"line": 3}, {"n": 2.0, "b": None})
    for broken in (b"", b"PAR1", stream.getvalue()[:-9], b"hello" * 100):
        with pytest.raises(Unreadable, match="Parquet"):
            list(formats.get("parquet").read(io.BytesIO(broken), Limits()))
