"""What the source of a plug-in says of it: its class, its constants, and its settings with what they may be."""

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

ROOMS = ("tasks", "encoders", "learners", "strategies", "aggregation", "formats")
BASES = dict(zip(ROOMS, ("Task", "Encoder", "Learner", "Strategy", "Aggregator", "Format"), strict=True))
TYPES = {"int": int, "float": float, "str": str, "bool": bool}


class UnknownPlugin(ValueError):
    """No such plug-in, or a setting that it does not have; the message names what there is."""


@dataclass(frozen=True)
class Setting:
    """One dataclass field of a plug-in: its name, its type's name, its default and what it means; and what it may be,
    as its metadata declares it: a number from `low` to `high`, a word of `choices`; None and () are no bound.
    """

    name: str
    type: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


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


@lru_cache(maxsize=256)
def describe_one(room: str, name: str) -> Description:
    """One plug-in, described from its source. Raises UnknownPlugin with the names there are."""
    if name not in names(room):
        raise UnknownPlugin(f"{room} has no {name!r}; it has {', '.join(names(room))}")
    path = _folder(room) / f"{name}.py"
    node = _plugin_class(path)
    doc = ast.get_docstring(node) or ""
    settings = tuple(
        _setting(statement, statement.target.id, path)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not _is_class_variable(statement)
    )
    return Description(room, name, doc.split("\n", 1)[0].rstrip("."), doc, settings, _facts(node))


def _folder(room: str) -> Path:
    if room not in ROOMS:
        raise UnknownPlugin(f"no room {room!r}; there are {', '.join(ROOMS)}")
    return Path(__file__).parent / room


def _plugin_class(path: Path) -> ast.ClassDef:
    wanted = BASES[path.parent.name]
    found = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
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
    if not isinstance(value, ast.Call):
        return Setting(name, kind, ast.literal_eval(value), "")
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in value.keywords}  # field(default=…, metadata=…)
    told = given.get("metadata", {})
    choices = tuple(told.get("choices", ())) or _choices(told)
    return Setting(
        name, kind, given.get("default"), str(told.get("help", "")), told.get("low"), told.get("high"), choices
    )


def _choices(told: dict[str, Any]) -> tuple[str, ...]:
    """The plug-ins of a `room` with these constants, `without` some: a plug-in of tomorrow is among them by itself."""
    if "room" not in told:
        return ()
    folder, wanted = _folder(told["room"]), told.get("with", {})
    usual = next(
        _facts(node)
        for node in ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == BASES[told["room"]]
    )
    found = {name: usual | _facts(_plugin_class(folder / f"{name}.py")) for name in names(told["room"])}
    return tuple(
        name
        for name, facts in found.items()
        if name not in told.get("without", ()) and all(facts.get(key) == value for key, value in wanted.items())
    )


def _facts(node: ast.ClassDef) -> dict[str, Any]:
    """The plain constants of a class."""
    facts = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if _is_class_variable(statement) and statement.value is not None:
                facts[statement.target.id] = _literal(statement.value)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            facts[statement.targets[0].id] = _literal(statement.value)
    return facts


def _is_class_variable(statement: ast.AnnAssign) -> bool:
    return ast.unparse(statement.annotation).startswith("ClassVar")


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
