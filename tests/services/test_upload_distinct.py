"""Rows that say what another says are found as one pass with a set would find them, however small the parts."""

from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from app.services import upload_distinct
from app.services.upload_distinct import DUPLICATE, GOOD, REFUSED, Distinct


def judged(folder: Path, rows: list[tuple[str, str | None]]) -> list[int]:
    distinct = Distinct(folder)
    for content, name in rows:
        distinct.add(blake2b(content.encode(), digest_size=16).digest(), name)
    marks = distinct.marks().tolist()
    distinct.close()
    return marks


def one_pass(rows: list[tuple[str, str | None]]) -> list[int]:
    seen: set[str] = set()
    names: dict[str, str] = {}
    marks = []
    for content, name in rows:
        if content in seen:
            marks.append(DUPLICATE)
        elif name and names.setdefault(name, content) != content:
            marks.append(REFUSED)
        else:
            marks.append(GOOD)
            seen.add(content)
    return marks


def test_the_first_of_equal_rows_stays_and_a_name_stands_for_one_content(tmp_path: Path) -> None:
    rows = [("one", "a"), ("two", "b"), ("one", "c"), ("three", "b"), ("three", None), ("four", None)]
    # The fourth is refused, so it is not there, and the fifth is the first to say “three”.
    assert judged(tmp_path, rows) == [GOOD, GOOD, DUPLICATE, REFUSED, GOOD, GOOD]
    assert judged(tmp_path, []) == []


@pytest.mark.parametrize("seed", range(8))
def test_parts_of_any_size_say_what_one_pass_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(upload_distinct, "PART_ROWS", int(rng.integers(1, 60)))
    monkeypatch.setattr(upload_distinct, "_READ_ROWS", int(rng.integers(1, 60)))
    monkeypatch.setattr(upload_distinct, "_BUFFER_BYTES", 64)
    contents, names = rng.integers(0, 60, 300), rng.integers(0, 90, 300)
    rows = [(f"c{c}", f"n{n}" if n < 80 else None) for c, n in zip(contents, names, strict=True)]
    expected = one_pass(rows)
    assert {GOOD, DUPLICATE, REFUSED} == set(expected)
    assert judged(tmp_path, rows) == expected
