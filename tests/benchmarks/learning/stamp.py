"""What a result depends on, as a short digest: the code that chose, fitted and measured, without its comments."""

import ast
from functools import lru_cache
from hashlib import sha256

from tests.loop.data import ROOT

OURS = ("app", "tests")


def of(modules: tuple[str, ...], more: str = "") -> str:
    """12 hexadecimal digits of these modules, of all that they import of ours, and of `more`.

    Comments, docstrings and layout do not count: a better sentence costs no hour of computing.
    """
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen and _source(module):
            seen.add(module)
            waiting += _imports(module)
    told = "".join(_code(module) for module in sorted(seen))
    return sha256((told + more).encode()).hexdigest()[:12]


@lru_cache(maxsize=4096)
def _source(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    for found in (path.with_suffix(".py"), path / "__init__.py"):
        if found.is_file():
            return found.read_text(encoding="utf-8")
    return ""


@lru_cache(maxsize=512)
def _imports(module: str) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        elif isinstance(node, ast.Import):
            found += [one.name for one in node.names]
    return tuple(name for name in found if name.split(".")[0] in OURS)


@lru_cache(maxsize=512)
def _code(module: str) -> str:
    tree = ast.parse(_source(module))
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                node.value = ast.Constant("")
    return module + ast.dump(tree)
