"""CoNLL: every dialect of tags in, BIO out, bad tags refused with the line of their text."""

import io
from pathlib import Path
from typing import Any

import pytest

from app.core import formats
from app.core.formats import Bad, Limits, Row
from app.core.tasks.spans import Spans

WNUT = Path(__file__).parents[4] / "shared" / "data" / "wnut17_dev.conll"


def read(data: str) -> list[Row | Bad]:
    return list(formats.get("conll").read(io.BytesIO(data.encode()), Limits()))


def spans(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    row = read("".join(f"{token}\t{tag}\n" for token, tag in pairs))[0]
    assert isinstance(row, Row)
    return [(row.values["text"][one["start"] : one["end"]], one["class"]) for one in row.values["spans"]]


def test_a_text_is_its_tokens_and_a_span_its_tagged_ones():
    rows = read("-DOCSTART- -X- O\n\n👍 O\nNew B-place\nYork I-place\n\n\t\nBob NNP B-person\n")
    assert [row.place for row in rows] == [{"line": 3}, {"line": 8}]
    assert [row.values for row in rows if isinstance(row, Row)] == [
        {"text": "👍 New York", "spans": [{"start": 2, "end": 10, "class": "place"}]},
        {"text": "Bob", "spans": [{"start": 0, "end": 3, "class": "person"}]},
    ]


def test_every_dialect_of_tags_is_read():
    assert spans(("a", "B-x"), ("b", "I-x"), ("c", "B-x"), ("d", "O")) == [("a b", "x"), ("c", "x")]
    assert spans(("a", "I-x"), ("b", "I-x"), ("c", "I-y")) == [("a b", "x"), ("c", "y")]  # IOB
    assert spans(("a", "B-x"), ("b", "E-x"), ("c", "S-x"), ("d", "S-x")) == [("a b", "x"), ("c", "x"), ("d", "x")]
    assert spans(("a", "U-x"), ("b", "B-x"), ("c", "L-x"), ("d", "O")) == [("a", "x"), ("b c", "x")]


def test_a_tag_that_is_none_is_refused_with_its_text():
    rows = read("a O\n\nb X\nc O\n\nd O\n")
    assert isinstance(rows[1], Bad)
    assert rows[1].place == {"line": 3}
    assert "token 1 ends with “X”" in rows[1].error
    assert isinstance(rows[2], Row)


def test_what_is_written_is_read_again():
    given: list[dict[str, Any]] = [
        {"text": "👍 New York", "answer": [{"start": 2, "end": 10, "class": "place"}]},
        {"text": "never answered", "answer": None},
        {"text": "nothing here", "answer": []},
    ]
    out = io.BytesIO()
    formats.get("conll").write(iter(given), out)
    again = [row.values for row in read(out.getvalue().decode()) if isinstance(row, Row)]
    assert again == [{"text": one["text"], "spans": one["answer"]} for one in given if one["answer"] is not None]


@pytest.mark.skipif(not WNUT.exists(), reason="the WNUT-17 data are not here")
def test_wnut_17_is_read_whole():
    with WNUT.open("rb") as stream:
        rows = list(formats.get("conll").read(stream, Limits()))
    assert len(rows) == 1009
    assert not [row for row in rows if isinstance(row, Bad)]
    found = [row.values for row in rows if isinstance(row, Row)]
    assert sum(len(one["spans"]) for one in found) == WNUT.read_text(encoding="utf-8").count("\tB-")
    task = Spans(sorted({span["class"] for one in found for span in one["spans"]}))
    assert len(task.classes) == 6
    assert all(task.normalise({"text": one["text"]}, {"spans": one["spans"]}) for one in found)
