"""The strings of pages that annotators see, by language; one file a language, with the same keys in each."""

import json
from functools import lru_cache
from pathlib import Path

Word = str | dict[str, str]  # a string, or one form for each plural category of the language


@lru_cache
def words(language: str) -> dict[str, Word]:
    """All strings of a language, by key."""
    found: dict[str, Word] = json.loads((Path(__file__).parent / f"{language}.json").read_text(encoding="utf-8"))
    return found


def for_scripts(language: str) -> dict[str, Word]:
    """The strings that scripts say, by their keys without the prefix `js.`."""
    return {key.removeprefix("js."): word for key, word in words(language).items() if key.startswith("js.")}
