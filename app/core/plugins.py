"""Plug-ins: a file in a room is a plug-in; listing a room reads its files without importing them.

A plug-in's name is its file's name, its class is the one public class in that file which derives from the room's
base, and its dataclass fields are its settings. Reading them from the source keeps torch out of the web process.
"""

import importlib
import math
from typing import Any, TypeVar

from app.core.plugin_source import ROOMS as ROOMS
from app.core.plugin_source import TYPES, Setting
from app.core.plugin_source import Description as Description
from app.core.plugin_source import UnknownPlugin as UnknownPlugin
from app.core.plugin_source import describe_one as describe_one
from app.core.plugin_source import names as names

T = TypeVar("T")
LONGEST = 1000  # characters of a setting that is a text
LARGEST = 2**53  # of one that is a whole number: some learner makes a float of it


def describe(room: str) -> list[Description]:
    """Every plug-in of a room, described from its source."""
    return [describe_one(room, name) for name in names(room)]


def check(room: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A spec {"name": ..., setting: value} with its values read as their types, within what its settings declare.

    Raises UnknownPlugin. It reads the source only: a value that a constructor alone refuses shows in a round.
    """
    checked = _typed(room, spec)
    for setting in describe_one(room, checked["name"]).settings:
        if setting.name in checked:
            _refuse_outside(checked["name"], setting, checked[setting.name])
    return checked


def _typed(room: str, spec: dict[str, Any]) -> dict[str, Any]:
    """See `check`; without the bounds."""
    if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
        raise UnknownPlugin(f'{room}: expected {{"name": …}} with one of {", ".join(names(room))}')
    found = describe_one(room, spec["name"])
    known = {setting.name: setting for setting in found.settings}
    checked: dict[str, Any] = {"name": found.name}
    for key, value in spec.items():
        if key == "name":
            continue
        if key not in known:
            raise UnknownPlugin(f"{found.name} has no setting {key!r}; it has {', '.join(known) or 'none'}")
        checked[key] = _as_type(found.name, known[key], value)
    return checked


def load(room: str, name: str, base: type[T]) -> type[T]:
    """Import a plug-in's class. Raises UnknownPlugin where the room has no such file."""
    describe_one(room, name)
    module = importlib.import_module(f"app.core.{room}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
            return value
    raise UnknownPlugin(f"app/core/{room}/{name}.py holds no {base.__name__}")


def make(room: str, spec: dict[str, Any], base: type[T]) -> T:
    """A plug-in from its spec {"name": ..., setting: value}.

    Bounds were checked when it was saved: one that was drawn tighter since must not stop a project that learns.
    """
    checked = _typed(room, spec)
    return load(room, checked.pop("name"), base)(**checked)


def _as_type(plugin: str, setting: Setting, value: Any) -> Any:
    wanted = TYPES[setting.type]
    if wanted is bool and isinstance(value, str):
        value = {"true": True, "false": False, "on": True, "": False}.get(value.lower(), value)
    if isinstance(value, bool) != (wanted is bool):
        raise UnknownPlugin(f"{plugin}: {setting.name} must be {setting.type}, not {value!r}")
    if isinstance(value, str) and (len(value) > LONGEST or "\x00" in value):
        raise UnknownPlugin(f"{plugin}: {setting.name} is longer than {LONGEST:,} characters, or holds a NUL")
    try:
        read = wanted(value)
        if isinstance(read, float) and not math.isfinite(read):  # neither is JSON, and no setting means it
            raise ValueError("not finite")
        if wanted is int and isinstance(value, float) and read != value:
            raise ValueError("not whole")
        if wanted is int and abs(read) > LARGEST:
            raise ValueError("beyond what counts exactly")
        return read
    except (TypeError, ValueError, OverflowError) as error:
        raise UnknownPlugin(f"{plugin}: {setting.name} must be {setting.type}, not {value!r}") from error


def _refuse_outside(plugin: str, setting: Setting, value: Any) -> None:
    if setting.choices and value not in setting.choices:
        raise UnknownPlugin(f"{plugin}: {setting.name} must be one of {', '.join(setting.choices)}, not {value!r}")
    if setting.low is not None and value < setting.low:
        raise UnknownPlugin(f"{plugin}: {setting.name} must be at least {setting.low}, not {value}")
    if setting.high is not None and value > setting.high:
        raise UnknownPlugin(f"{plugin}: {setting.name} must be at most {setting.high}, not {value}")
