"""CSV, TSV, JSON Lines and JSON: what is read, what is refused and where, and that nothing is held in memory whole."""

import contextlib
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import formats, plugins
from app.core.formats import Bad, Limits, Row, Unreadable
from tests.memory import peak_of

LIMITS = Limits()


def read(name: str, data: str | bytes, limits: Limits = LIMITS) -> list[Row | Bad]:
    raw = data.encode() if isinstance(data, str) else data
    return list(formats.get(name).read(io.BytesIO(raw), limits))


def good(name: str, data: str | bytes) -> list[dict[str, Any]]:
    rows = read(name, data)
    assert all(isinstance(row, Row) for row in rows), rows
    return [row.values for row in rows if isinstance(row, Row)]


def written(name: str, rows: list[dict[str, Any]], columns: dict[str, Any] | None = None) -> bytes:
    stream = io.BytesIO()
    formats.get(name).write(iter(rows), stream, columns)
    return stream.getvalue()


def test_every_format_states_its_facts():
    for found in plugins.describe("formats"):
        assert found.title
        assert found.facts["suffix"].startswith(".")
        assert "/" in found.facts["media_type"]
        assert found.facts["reads"] or found.facts["writes"]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_a_csv_file_may_use_any_of_four_delimiters(sign: str):
    assert good("csv", f"text{sign}label\na, b{sign}x\nc; d{sign}y\n".replace(", ", " ").replace("; ", " "))[1] == {
        "text": "c d",
        "label": "y",
    }


def test_commas_in_the_texts_do_not_win_over_the_delimiter_of_the_header():
    assert good("csv", "text;label\none, two, three;x\nfour, five, six;y\n")[0] == {
        "text": "one, two, three",
        "label": "x",
    }


def test_a_single_column_is_read():
    assert good("csv", "text\nhello\nworld\n") == [{"text": "hello"}, {"text": "world"}]


def test_a_quoted_line_break_stays_in_the_cell_and_lines_are_counted_as_they_are_on_disk():
    rows = read("csv", 'text,label\r\n"one\r\ntwo",x\r\nthree,y\r\nragged\r\n')
    assert [row.place for row in rows] == [{"line": 2}, {"line": 4}, {"line": 5}]
    assert isinstance(rows[0], Row)
    assert rows[0].values["text"] == "one\r\ntwo"
    assert rows[2] == Bad({"line": 5}, "It has 1 cells where the header has 2.")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("csv", "text,n\nGrüße 😀,1\n"),
        ("jsonl", '{"text":"Grüße 😀","n":"1"}\n'),
        ("json", '[{"text":"Grüße 😀","n":"1"}]'),
    ],
)
def test_utf8_and_utf16_are_read_with_their_marks(name: str, text: str, encoding: str):
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert good(name, mark + text.encode(encoding)) == [{"text": "Grüße 😀", "n": "1"}]


def test_a_byte_that_is_not_utf8_refuses_its_row_and_names_the_byte():
    rows = read("csv", b"text,n\nfine,1\ncaf\xe9,2\nfine too,3\n")
    assert [type(row) for row in rows] == [Row, Bad, Row]
    assert isinstance(rows[1], Bad)
    assert "0xE9" in rows[1].error
    assert "UTF-8" in rows[1].error
    assert rows[1].place == {"line": 3}


@pytest.mark.parametrize("name", ["csv", "json", "jsonl"])
def test_utf16_without_a_mark_and_broken_utf16_are_refused(name: str):
    with pytest.raises(Unreadable, match="UTF-8"):
        read(name, "text,n\na,1\n".encode("utf-16-le"))
    with pytest.raises(Unreadable, match="UTF-8"):
        read(name, b"\xff\xfe" + '[{"a":1}]'.encode("utf-16-le") + b"\x00\xd8\x20\x00\x20\x00\x0a")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("a,,c\n1,2,3\n", "no name for column 2"),
        ("a,b,a\n1,2,3\n", "names a twice"),
    ],
)
def test_a_csv_file_without_a_usable_header_is_refused(data: str, reason: str):
    with pytest.raises(Unreadable, match=reason):
        read("csv", data)


def test_a_header_alone_has_no_rows():
    assert read("csv", "text,label\n") == []


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("a,b,c", "3 cells"),
        ("a\x00b,c", "NUL"),
        ('"a"b,c', "quotation marks"),
        ("x" * 1_000_001 + ",c", "longer than 1,000,000"),
    ],
)
def test_a_bad_csv_row_is_refused_and_the_next_is_read(cells: str, reason: str):
    bad, fine = read("csv", f"text,label\n{cells}\nfine,y\n")
    assert isinstance(bad, Bad)
    assert reason in bad.error
    assert bad.place == {"line": 2}
    assert fine == Row({"line": 3}, {"text": "fine", "label": "y"})


def test_a_quotation_mark_that_never_closes_is_refused_where_it_opens():
    rows = read("csv", 'text,label\nfine,y\n"open,x\nmore,z\n')
    assert rows[1] == Bad({"line": 3}, "A quotation mark opens here and never closes.")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": NaN}', "not JSON"),
        ('{"text": Infinity}', "not JSON"),
        ('{"text": "a"', "not JSON"),
        ("[1, 2]", "a list where an object"),
        ('"text"', "a text where an object"),
        ('{"text": ' + "[" * 40 + "]" * 40 + "}", "32 levels deep"),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "not JSON|levels deep"),
        ('{"text": "a\\u0000b"}', "NUL"),
        ('{"text": "a\x00b"}', "NUL"),
        ('{"text": "\\ud800"}', "not JSON"),
        ('{"text": "a", "label": "x", "text": "b"}', "names 'text' twice"),
        ('{"text": "at 10:30 \\": 1", "t\\u0065xt" : "b"}', "names 'text' twice"),
        ('{"text": "a", "more": [{"b\\": c" : 1, "d": 123456789012345678901234567890, "b\\": c": 2}]}', "c' twice"),
    ],
)
def test_a_bad_json_line_and_a_bad_json_element_are_refused_alone(line: str, reason: str):
    for name, data in (("jsonl", f'{line}\n{{"text": "fine"}}\n'), ("json", f'[\n{line},\n{{"text": "fine"}}\n]')):
        if name == "json" and line.endswith('"a"'):
            continue  # in an array the missing bracket takes the rest with it
        bad, fine = read(name, data)
        assert isinstance(bad, Bad), name
        assert any(part in bad.error for part in reason.split("|")), bad.error
        assert isinstance(fine, Row)
        assert fine.values == {"text": "fine"}
        assert bad.place["line"] == (1 if name == "jsonl" else 2)


def test_colons_and_quotes_in_texts_are_no_names():
    rows = [
        {"text": 'see https://example.org, "a": "a": b', "a": {"text": "x:"}, "b": [{"text": ":"}, [{"text": 1}]]},
        {"\\": 1, '\\"': 2, '"': ":", "": '\\":', ":": "\n:\u2028"},
    ]
    assert good("json", json.dumps(rows)) == rows
    assert good("json", json.dumps(rows, ensure_ascii=False, separators=(" , ", "\n : "))) == rows


def test_an_escaped_backslash_before_u0000_is_no_nul():
    assert good("jsonl", '{"text": "a\\\\u0000b"}\n') == [{"text": "a\\u0000b"}]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "empty"),
        ('{"a": 1}', "does not start with"),
        ('[{"a": 1}, {"a"', "cut off"),
        ('[{"a": 1}', "cut off"),
        ('[{"a": "1}]', "cut off"),
        ('[{"a": 1}] x', "follows"),
        ('[{"a": 1}}]', "never opened"),
    ],
)
def test_a_json_file_that_is_no_whole_array_is_refused(data: str, reason: str):
    with pytest.raises(Unreadable, match=reason):
        read("json", data)


def test_an_empty_json_array_has_no_rows():
    assert read("json", " [ \n ] ") == []


def test_brackets_commas_and_quotes_in_json_texts_are_texts():
    rows = [{"a": '],[{"\\', "b": [1, {"c": "}"}]}, {"a": "\\\\"}]
    assert good("json", json.dumps(rows)) == rows
    assert good("json", json.dumps(rows, indent=2)) == rows


def test_an_element_larger_than_allowed_is_refused_before_it_is_read_whole():
    with pytest.raises(Unreadable, match="longer than"):
        read("json", '[{"a": "' + "x" * 300_000 + '"}]', Limits(row_chars=100_000))
    with pytest.raises(Unreadable, match="longer than"):
        read("jsonl", '{"a": "' + "x" * 300_000 + '"}', Limits(row_chars=100_000))


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.fixed_dictionaries({"text": TEXTS, "other": TEXTS}), max_size=5))
def test_what_is_written_is_read_back(rows: list[dict[str, str]]):
    assert good("jsonl", written("jsonl", rows)) == rows
    assert good("json", written("json", rows)) == rows
    safe = [
        {name: "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for name, cell in row.items()}
        for row in rows
    ]
    assert good("csv", written("csv", rows, {"text": "string", "other": "string"})) == safe
    assert good("tsv", written("tsv", rows, {"text": "string", "other": "string"})) == safe


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv", "jsonl", "json", "parquet", "zip", "image"]))
def test_no_bytes_whatever_raise_anything_but_a_refusal(data: bytes, name: str):
    for start in (b"", b"[{", b"a,b\n", b"PK\x03\x04"):
        with contextlib.suppress(Unreadable):
            assert all(isinstance(row, Row | Bad) for row in read(name, start + data))


def test_a_spreadsheet_does_not_run_what_people_wrote_and_numbers_stay_numbers():
    row = {"a": "=1+1", "b": "@x", "c": -5, "d": "-5", "e": 0.5, "f": None, "g": True, "h": ["=x"]}
    assert written("csv", [row]).decode().splitlines()[1] == '\'=1+1,\'@x,-5,\'-5,0.5,,true,"[""=x""]"'


@pytest.mark.parametrize(
    ("file_name", "head", "name"),
    [
        ("a.CSV", b"a\n", "csv"),
        ("a.ndjson", b"{}", "jsonl"),
        ("a.json", b"[]", "json"),
        ("a.json", b'\xef\xbb\xbf {"a": 1}\n', "jsonl"),
        ("a.pq", b"PAR1", "parquet"),
        ("a", b"PAR1", "parquet"),
        ("a", b"PK\x03\x04", "zip"),
        ("a", b" [{", "json"),
        ("a.txt", b"text\nx\n", "csv"),
        ("photo", b"\xff\xd8\xff\xe0", "image"),
    ],
)
def test_a_format_is_known_by_its_suffix_and_else_by_its_first_bytes(file_name: str, head: bytes, name: str):
    assert formats.detect(file_name, io.BytesIO(head)) == name


def test_bytes_of_nothing_known_are_refused():
    with pytest.raises(Unreadable, match="none of"):
        formats.detect("a.bin", io.BytesIO(b"\x00\x01\x02"))


class Generated(io.RawIOBase):
    """A file of many rows that never is in memory: what the readers hold is what is measured."""

    def __init__(self, head: bytes, row: bytes, tail: bytes, rows: int) -> None:
        self.parts = (head, row, tail)
        self.size = len(head) + len(row) * rows + len(tail)
        self.at = 0
        self.end = len(head) + len(row) * rows

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, at: int, whence: int = 0) -> int:
        self.at = at + (0, self.at, self.size)[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        head, row, tail = self.parts
        if self.at < len(head):
            piece = head[self.at :]
        elif self.at < self.end:
            piece = (row * 500)[(self.at - len(head)) % len(row) :][: self.end - self.at]
        else:
            piece = tail[self.at - self.end :]
        piece = piece[: len(buffer)]
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)


@pytest.mark.parametrize(
    ("name", "head", "row", "tail"),
    [
        ("csv", b"text,label\n", b'"some text of a usual length, with a comma",x\n', b""),
        ("jsonl", b"", b'{"text": "some text of a usual length", "label": "x"}\n', b""),
        ("json", b"[", b'{"text": "some text of a usual length", "label": "x"},\n', b"{}]"),
    ],
)
def test_a_large_file_is_read_in_little_memory(name: str, head: bytes, row: bytes, tail: bytes):
    rows = 100_000
    assert peak_of(_read_generated, name, head, row, tail, rows) < 2_000_000 < len(row) * rows


def _read_generated(name: str, head: bytes, row: bytes, tail: bytes, rows: int) -> None:
    stream = io.BufferedReader(Generated(head, row, tail, rows))
    count = sum(isinstance(one, Row) for one in formats.get(name).read(stream, LIMITS))  # type: ignore[arg-type]
    assert count == rows + (name == "json")
