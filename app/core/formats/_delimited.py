"""Reading delimited text: what CSV and TSV share."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from app.core.formats import Bad, Limits, Row, Unreadable
from app.core.formats._text import fault, lines, open_text

# The standard reader's own limit is process-wide and too small for a long text; ours is checked by row.
csv.field_size_limit(Limits.row_chars)

_SAMPLE_CHARS = 65_536


def read(stream: BinaryIO, limits: Limits, delimiter: str | None) -> Iterator[Row | Bad]:
    """The records below the header; without a delimiter, the likeliest of , ; tab | is taken."""
    text = open_text(stream)
    try:
        if delimiter is None:
            delimiter = sniff(text.read(_SAMPLE_CHARS))
            text.seek(0)
        reader = csv.reader(lines(text, limits.row_chars), delimiter=delimiter, strict=True)
        header = _header(reader, limits)
        yield from _records(reader, header, limits)
    except UnicodeDecodeError as error:
        raise Unreadable("It is not UTF-16, as its first bytes say. Save the file as UTF-8.", line=1) from error
    finally:
        text.detach()  # the stream is the caller's to close


def sniff(sample: str) -> str:
    """The delimiter that gives the header most columns, counting only those that most records have, too."""
    best, best_score = ",", (0.0, 0)
    for delimiter in ",;\t|":
        try:
            records = [record for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if record]
        except csv.Error:
            continue
        whole = records[:-1] if len(sample) >= _SAMPLE_CHARS and len(records) > 1 else records
        width = len(whole[0]) if whole else 0
        if width > 1:
            score = (sum(len(record) == width for record in whole) / len(whole), width)
            best, best_score = (delimiter, score) if score > best_score else (best, best_score)
    return best


def _header(reader: Any, limits: Limits) -> list[str]:
    for record in _parsed(reader, Unreadable):
        names = [name.strip() for name in record]
        if not any(names):
            continue
        if len(names) > limits.columns:
            raise Unreadable(f"The header has {len(names):,} columns; {limits.columns:,} are allowed.", line=1)
        _check_names(names)
        return names
    raise Unreadable("The file is empty: a header line with the columns' names is wanted.", line=1)


def _check_names(names: list[str]) -> None:
    bad = fault("".join(names))
    empty = [str(k + 1) for k, name in enumerate(names) if not name]
    double = sorted(name for name, count in Counter(names).items() if count > 1)
    if bad:
        raise Unreadable(f"The header cannot be read. {bad}", line=1)
    if empty:
        raise Unreadable(f"The header has no name for column {', '.join(empty[:20])}.", line=1)
    if double:
        raise Unreadable(f"The header names {', '.join(double[:20])[:500]} twice.", line=1)


def _parsed(reader: Any, refuse: type[Unreadable]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise refuse(f"The header cannot be read: {error}.", line=1) from error


def _records(reader: Any, header: list[str], limits: Limits) -> Iterator[Row | Bad]:
    while True:
        place = {"line": reader.line_num + 1}
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):  # the reader has lost its place: what follows would pass for rows
                raise Unreadable(_explained(error), **place) from error
            yield Bad(place, _explained(error))
            continue
        if not record:
            continue  # an empty line
        refusal = _refusal(record, header, limits)
        yield Bad(place, refusal) if refusal else Row(place, dict(zip(header, record, strict=True)))


def _explained(error: csv.Error) -> str:
    if "unexpected end" in str(error) or "field limit" in str(error):
        return "A quotation mark opens here and never closes."
    return f"Its quotation marks do not fit: {error}."


def _refusal(record: list[str], header: list[str], limits: Limits) -> str | None:
    if len(record) != len(header):
        return f"It has {len(record)} cells where the header has {len(header)}."
    for name, cell in zip(header, record, strict=True):
        if len(cell) > limits.cell_chars:
            return f"{name} is longer than {limits.cell_chars:,} characters."
        if not cell.isprintable() and (bad := fault(cell)):
            return f"{name}: {bad}"
    return None
