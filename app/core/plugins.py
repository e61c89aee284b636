"""Plug-ins: a file in a room is a plug-in; listing a room reads its files without importing them.

A plug-in's name is its file's name, its class is the one public class in that file which derives from the room's
base, and its dataclass fields are its settings. Reading them from the source keeps torch out of the web process.
"""

import ast
import importlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

ROOMS = ("tasks", "encoders", "learners", "strategies", "aggregation", "formats")
TYPES = {"int": int, "float": float, "str": str, "bool": bool}

T = TypeVar("T")


class UnknownPlugin(ValueError):
    """No such plug-in, or a setting that it does not have; the message names what there is."""


@dataclass(frozen=True)
class Setting:
    """One dataclass field of a plug-in: its name, its type's name, its default and what it means."""

    name: str
    type: str
    default: Any
    help: str


@dataclass(frozen=True)
class Description:
    """What can be said of a plug-in without importing it; `facts` are its class's plain constants."""

    room: str
    name: str
    title: str
    doc: str
    settings: tuple[Setting, ...]
    facts: dict[str, Any]


def names(room: str) -> list[str]:
    """The plug-ins of a room, by file name, sorted."""
    return sorted(path.stem for path in _folder(room).glob("*.py") if not path.stem.startswith("_"))


def describe(room: str) -> list[Description]:
    """Every plug-in of a room, described from its source."""
    return [describe_one(room, name) for name in names(room)]


@lru_cache(maxsize=256)
def describe_one(room: str, name: str) -> Description:
    """One plug-in, described from its source. Raises UnknownPlugin with the names there are."""
    if name not in names(room):
        raise UnknownPlugin(f"{room} has no {name!r}; it has {', '.join(names(room))}")
    path = _folder(room) / f"{name}.py"
    node = _plugin_class(ast.parse(path.read_text(encoding="utf-8")), path)
    doc = ast.get_docstring(node) or ""
    settings, facts = [], {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if not ast.unparse(statement.annotation).startswith("ClassVar"):
                settings.append(_setting(statement, statement.target.id, path))
            elif statement.value is not None:
                facts[statement.target.id] = _literal(statement.value)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            facts[statement.targets[0].id] = _literal(statement.value)
    return Description(room, name, doc.split("\n", 1)[0].rstrip("."), doc, tuple(settings), facts)


def check(room: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A spec {"name": ..., setting: value} with its values read as their types. Raises UnknownPlugin."""
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
    """A plug-in from its spec {"name": ..., setting: value}."""
    checked = check(room, spec)
    return load(room, checked.pop("name"), base)(**checked)


def _folder(room: str) -> Path:
    if room not in ROOMS:
        raise UnknownPlugin(f"no room {room!r}; there are {', '.join(ROOMS)}")
    return Path(__file__).parent / room


def _plugin_class(module: ast.Module, path: Path) -> ast.ClassDef:
    base = {"tasks": "Task", "encoders": "Encoder", "learners": "Learner", "strategies": "Strategy"}
    wanted = {**base, "aggregation": "Aggregator", "formats": "Format"}[path.parent.name]
    found = [
        node
        for node in module.body
        if isinstance(node, ast.ClassDef) and wanted in {ast.unparse(parent) for parent in node.bases}
    ]
    if len(found) != 1:
        raise UnknownPlugin(
            f"{path.parent.name}/{path.name} must hold one class deriving from {wanted}, not {len(found)}"
        )
    return found[0]


def _setting(statement: ast.AnnAssign, name: str, path: Path) -> Setting:
    kind = ast.unparse(statement.annotation)
    if kind not in TYPES or statement.value is None:
        raise UnknownPlugin(f"{path.name}: setting {name} needs a default and a type of {', '.join(TYPES)}")
    value = statement.value
    if isinstance(value, ast.Call):  # field(default=..., metadata={"help": ...})
        given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in value.keywords}
        return Setting(name, kind, given.get("default"), str(given.get("metadata", {}).get("help", "")))
    return Setting(name, kind, ast.literal_eval(value), "")


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _as_type(plugin: str, setting: Setting, value: Any) -> Any:
    wanted = TYPES[setting.type]
    if wanted is bool and isinstance(value, str):
        value = {"true": True, "false": False, "on": True, "": False}.get(value.lower(), value)
    if isinstance(value, bool) != (wanted is bool):
        raise UnknownPlugin(f"{plugin}: {setting.name} must be {setting.type}, not {value!r}")
    try:
        return wanted(value)
    except (TypeError, ValueError) as error:
        raise UnknownPlugin(f"{plugin}: {setting.name} must be {setting.type}, not {value!r}") from error
