"""The strings of pages that annotators see, by language; one file a language, with the same keys in each."""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from fastapi import Request

Word = str | dict[str, str]  # a string, or one form for each plural category of the language
LANGUAGES = {"en": "English", "de": "Deutsch", "ar": "العربية"}
RIGHT_TO_LEFT = {"ar"}
COOKIE = "language"


@lru_cache
def words(language: str) -> dict[str, Word]:
    """All strings of a language, by key."""
    found: dict[str, Word] = json.loads((Path(__file__).parent / f"{language}.json").read_text(encoding="utf-8"))
    return found


def for_scripts(language: str) -> dict[str, Word]:
    """The strings that scripts say, by their keys without the prefix `js.`."""
    return {key.removeprefix("js."): word for key, word in words(language).items() if key.startswith("js.")}


def chosen(request: Request) -> str:
    """The reader's language: as they chose, else the first that their browser asks for and we have."""
    asked = re.findall(r"[a-zA-Z]{2,3}", re.sub(r";[^,]*|-[^,;]*", "", request.headers.get("accept-language", "")))
    wanted = [request.cookies.get(COOKIE, ""), *(one.lower() for one in asked)]
    return next((one for one in wanted if one in LANGUAGES), "en")


def direction(language: str) -> str:
    """Which way its script runs."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def teller(language: str) -> Callable[..., str]:
    """A function that gives a key's string, with {names} put in. A key that is missing is an error."""
    known = words(language)

    def told(key: str, **values: object) -> str:
        word = known[key]
        assert isinstance(word, str)  # noqa: S101  # templates say nothing with a count
        return word.format(**values)

    return told
