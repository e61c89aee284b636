"""The format `conll`: a token a line, its tag last, a blank line between texts."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

from app.core import words
from app.core.formats import Bad, Columns, Format, Limits, Row, Unreadable
from app.core.formats._text import fault, lines, open_text
from app.core.tasks._bio import Span, tags_of

_TAG = re.compile(r"(?:[BILUESM]-.+|O)$")
_OF_ITS_OWN = "US"  # a tag that begins and ends a span, as BILOU and BIOES write it
_BEGINS, _ENDS = "B" + _OF_ITS_OWN, "LE" + _OF_ITS_OWN


class Conll(Format):
    """CoNLL, with BIO tags (BIOES, BILOU and the older IOB are read too). A text is its tokens with spaces between."""

    title: ClassVar[str] = "CoNLL"
    suffix: ClassVar[str] = ".conll"
    suffixes: ClassVar[tuple[str, ...]] = (".iob", ".iob2", ".bio")
    media_type: ClassVar[str] = "text/plain"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    flat: ClassVar[bool] = True
    only: ClassVar[str] = "spans"

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """{"text", "spans"} of each text; its place is its first line. Document marks and comments are passed over."""
        text = open_text(stream)
        try:
            first, tokens = 1, list[tuple[str, str]]()
            for number, line in enumerate(lines(text, limits.row_chars), start=1):
                cells = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
                if not cells or not cells[0].strip():
                    yield from _row(first, tokens)
                    first, tokens = number + 1, []
                elif not line.startswith(("-DOCSTART-", "# ")):
                    tokens.append((cells[0].strip(), cells[-1].strip() if len(cells) > 1 else ""))
                if sum(map(len, cells)) and len(tokens) > limits.row_chars // 2:
                    raise Unreadable("A text has too many tokens; texts are separated by blank lines.", line=number)
            yield from _row(first, tokens)
        finally:
            text.detach()  # the stream is the caller's to close

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:  # noqa: ARG002
        """The texts that have an answer, cut into our words; spans are rounded outward to whole words."""
        for row in rows:
            if row["answer"] is not None:
                stream.write(_written(row["text"], row["answer"]).encode())


def _row(line: int, tokens: list[tuple[str, str]]) -> Iterator[Row | Bad]:
    if not tokens:
        return
    place = {"line": line}
    for number, (token, tag) in enumerate(tokens):
        wrong = fault(token) or fault(tag)
        if wrong is None and not _TAG.match(tag):
            wrong = f"Its token {number + 1} ends with “{tag[:50]}”, which is no tag such as O, B-person or I-person."
        if wrong:
            yield Bad(place, wrong)
            return
    yield Row(place, {"text": " ".join(token for token, _ in tokens), "spans": list(_spans(tokens))})


def _spans(tokens: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """The spans of tags in any of the dialects: an I without a B begins a span, as in the older IOB."""
    at, span = 0, dict[str, Any]()
    for token, tag in tokens:
        sign, _, name = tag.partition("-")
        goes_on = span and sign != "O" and sign not in _BEGINS and span["class"] == name
        if span and not goes_on:
            yield span
            span = {}
        if goes_on:
            span["end"] = at + len(token)
        elif sign != "O":
            span = {"start": at, "end": at + len(token), "class": name}
        if span and sign in _ENDS:
            yield span
            span = {}
        at += len(token) + 1
    if span:
        yield span


def _written(text: str, spans: list[dict[str, Any]]) -> str:
    bounds = words.cut(text)
    names = list(dict.fromkeys(span["class"] for span in spans))
    found: list[Span] = [(span["start"], span["end"], names.index(span["class"])) for span in spans]
    tags = ["O" if tag == 0 else f"{'IB'[tag % 2]}-{names[(tag - 1) // 2]}" for tag in tags_of(found, bounds).tolist()]
    lines = (f"{text[start:end]}\t{tag}\n" for (start, end), tag in zip(bounds.tolist(), tags, strict=True))
    return "".join(lines) + "\n"
