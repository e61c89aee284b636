"""JSON objects one at a time: parsed strictly, and cut out of an array that never is in memory whole."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from app.core.formats import Bad, Limits, Row, Unreadable
from app.core.formats._text import fault, too_deep

_OUTSIDE = re.compile(r'["\[\]{},]')
_INSIDE = re.compile(r'["\\]')
_SPACE = re.compile(r"[ \t\r\n]*")
_MAYBE_NAME = re.compile(r'"[ \t\r\n]*+:')
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"[ \t\r\n]*+(:?)')  # in valid JSON; with the colon where it names a field


def parse(text: str, place: dict[str, Any], limits: Limits) -> Row | Bad:
    """One object. NaN and Infinity are no JSON; numbers, nesting, names and texts must be such as can be kept."""
    if bad := fault(text):
        return Bad(place, bad)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Bad(place, f"It is not JSON: {error.msg}, at character {error.pos + 1}.")
    if not isinstance(value, dict):
        return Bad(place, f"It is {_named(value)} where an object {{…}} is wanted.")
    if len(value) > limits.columns:
        return Bad(place, f"It has {len(value):,} fields; {limits.columns:,} are allowed.")
    if too_deep(value, limits.depth):
        return Bad(place, f"It nests more than {limits.depth} levels deep.")
    if "\\u0000" in text and b"\x00" in b"".join(_strings(value)):
        return Bad(place, "It holds a NUL character.")
    # As many colons as names are proof, at the cost of a count; texts and inner objects have colons, too.
    if text.count(":") != len(value) and (name := _named_twice(text, value)) is not None:
        return Bad(place, f"It names {name[:100]!r} twice.")
    return Row(place, value)


def _named_twice(text: str, value: Any) -> str | None:
    """The first name that stands twice in one object, of which the quick reader took the last without a word."""
    names = _names_within(value)
    # No more names than quotation marks before a colon; where a text has those, too, the names themselves are counted.
    if names == len(_MAYBE_NAME.findall(text)) or names == _TEXT.findall(text).count(":"):
        return None
    twice: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                twice.append(name)
            seen.add(name)

    json.loads(text, object_pairs_hook=note, parse_int=str)
    return twice[0]


def _names_within(value: Any) -> int:
    """How many names the objects in plain data have, whose depth is known to be small."""
    if isinstance(value, dict):
        return len(value) + sum(_names_within(inner) for inner in value.values() if isinstance(inner, dict | list))
    return sum(_names_within(inner) for inner in value if isinstance(inner, dict | list))


def _named(value: Any) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _strings(value: Any) -> Iterator[bytes]:
    if isinstance(value, str):
        yield value.encode()
    elif isinstance(value, dict | list):
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _strings(inner)


def elements(chunks: Iterator[str], limit: int) -> Iterator[tuple[dict[str, Any], str]]:
    """The elements of one JSON array as (place, text). Raises Unreadable where it is not an array, or ends early."""
    scanner = _Scanner(chunks, limit)
    scanner.open()
    return scanner.elements()


class _Scanner:
    """Finds the commas between an array's elements; `text` holds no more than the element at hand and a chunk."""

    def __init__(self, chunks: Iterator[str], limit: int) -> None:
        self.chunks, self.limit = chunks, limit
        self.text, self.at, self.line, self.element = "", 0, 1, 0

    def more(self) -> bool:
        """Read on. False at the end of the file."""
        chunk = next(self.chunks, "")
        self.text += chunk
        return bool(chunk)

    def drop(self, end: int) -> str:
        """Cut off and return the text before `end`, counting its lines."""
        gone, self.text, self.at = self.text[:end], self.text[end:], 0
        self.line += gone.count("\n")
        return gone

    def skip_space(self) -> str:
        """Drop white space; the next character, empty at the end of the file."""
        while True:
            match = _SPACE.match(self.text)
            if match and match.end():
                self.drop(match.end())
            if self.text:
                return self.text[0]
            if not self.more():
                return ""

    def open(self) -> None:
        """Step into the array."""
        first = self.skip_space()
        if first != "[":
            wrong = "The file is empty." if not first else "It is not a JSON array: it does not start with [."
            raise Unreadable(wrong, line=self.line)
        self.drop(1)

    def elements(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Every element, to the closing bracket."""
        if self.skip_space() == "]":
            return self._close()
        while True:
            self.skip_space()
            self.element += 1
            place = {"line": self.line, "element": self.element}
            end = self.find_end(place)
            closing = self.text[end] == "]"
            yield place, self.drop(end)
            self.drop(1)
            if closing:
                return self._close()

    def _close(self) -> None:
        self.drop(1 if self.text[:1] == "]" else 0)
        if self.skip_space():
            raise Unreadable("Something follows the array's closing bracket.", line=self.line)

    def find_end(self, place: dict[str, Any]) -> int:
        """Where the comma or bracket after the element at hand stands."""
        depth, in_string = 0, False
        while True:
            found = (_INSIDE if in_string else _OUTSIDE).search(self.text, self.at)
            if found is None or (in_string and found[0] == "\\" and found.end() == len(self.text)):
                self.at = len(self.text) if found is None else found.start()
                if self.at > self.limit:
                    raise Unreadable(f"The element is longer than {self.limit:,} characters.", **place)
                if not self.more():
                    raise Unreadable("The file ends inside the array: it was cut off.", **place)
                continue
            sign, self.at = found[0], found.end()
            if in_string:
                in_string, self.at = sign != '"', self.at + (sign == "\\")
            elif sign == '"':
                in_string = True
            elif depth == 0 and sign in ",]":
                return found.start()
            elif sign != ",":
                depth += 1 if sign in "[{" else -1
                if depth < 0:
                    raise Unreadable("A bracket closes that was never opened.", **place)
