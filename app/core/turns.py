"""Conversations: a text that was given as turns, and how it reads as one text.

A turn is {"speaker" or "role": name, "text" or "content": what was said}; the name may be missing, and whatever else a
turn holds is kept and not looked into. Models read, and spans count in, the turns as one text: “name: words”, a line
break between two. The turns themselves are kept as they came.
"""

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = ("speaker", "role")
SAID = ("text", "content")
MOST = 5_000
NAME_CHARS = 200
BREAK = "\n"

Turn = Mapping[str, Any]


class NotTurns(ValueError):
    """This is no conversation; the message is a sentence for people."""


def joined(turns: Sequence[Turn]) -> str:
    """The conversation as one text."""
    return BREAK.join(head + said for head, said in parts(turns))


def parts(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """What stands before the words of each turn ("Ada: ", or nothing), and its words."""
    return [(f"{name}: " if (name := _first(turn, NAMES)) else "", _first(turn, SAID)) for turn in turns]


def checked(value: Any) -> list[dict[str, Any]]:
    """The value, if it is a conversation. Raises NotTurns."""
    if not isinstance(value, list) or not value:
        raise NotTurns("is not a list of turns.")
    if len(value) > MOST:
        raise NotTurns(f"has more than {MOST:,} turns.")
    for number, turn in enumerate(value, start=1):
        _check(number, turn)
    return value


def look_like(value: Any) -> bool:
    """Whether a value is a conversation."""
    try:
        checked(value)
    except NotTurns:
        return False
    return True


def _check(number: int, turn: Any) -> None:
    if not isinstance(turn, dict):
        raise NotTurns(f"has a turn {number} that is not of the form {{“speaker”: …, “text”: …}}.")
    if not isinstance(_first(turn, SAID), str):
        raise NotTurns(f"has a turn {number} without a text.")
    name = _first(turn, NAMES)
    if name is not None and not isinstance(name, str):
        raise NotTurns(f"has a turn {number} whose speaker is not a name.")
    if name and (len(name) > NAME_CHARS or BREAK in name):
        raise NotTurns(f"has a turn {number} whose speaker’s name is longer than {NAME_CHARS} characters or a line.")


def _first(turn: Turn, names: tuple[str, ...]) -> Any:
    return next((turn[name] for name in names if turn.get(name) is not None), None)
