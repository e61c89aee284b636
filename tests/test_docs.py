"""The documentation says what is so: its routes, fields, links and examples are held against the program."""

import ast
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core import plugins
from app.services import export_shape
from app.services.recipes import Recipe
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(name: str, info: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page whose info string begins so: (what follows, code)."""
    for found in re.finditer(r"^```" + info + r"(\S*)\n(.*?)^```$", text(name), re.M | re.S):
        yield found[1], found[2]


@pytest.fixture(scope="module")
def routes() -> set[str]:
    from app.web.main import make_app

    paths: dict[str, dict[str, Any]] = make_app().openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def test_every_route_stands_in_the_table_of_rest_and_every_route_named_there_exists(routes: set[str]) -> None:
    rows = re.findall(r"^\| `((?:" + "|".join(METHODS) + r") /[^`]*)` \|", text("rest.md"), re.M)
    assert sorted(rows) == sorted(routes)
    named = re.findall(r"`((?:" + "|".join(METHODS) + r") /[^`]*)`", "".join(page.read_text() for page in PAGES))
    assert set(named) <= routes


def test_every_call_in_an_example_goes_to_a_route_that_exists(routes: set[str]) -> None:
    calls = 0
    for _, code in blocks("rest.md", "sh"):
        for call in re.split(r"^(?=curl )", code.replace("\\\n", " "), flags=re.M)[1:]:
            given = re.search(r"-X (\w+)", call)
            sends = re.search(r" (-d|-F|--data-binary) ", call)
            method = given[1] if given else "POST" if sends else "GET"
            url = re.search(r'"\$BASE(/[^"?]*)', call)
            assert url, call
            assert any(matches(route, f"{method} {url[1]}") for route in routes), f"{method} {url[1]}"
            calls += 1
    assert calls > 20


def matches(route: str, call: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route)), call) is not None


def test_every_link_of_a_page_leads_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
        if not target.startswith(("http", "#")) and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not broken


def test_every_heading_that_is_linked_to_is_there() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([\w./-]*\.md)#([\w-]+)\)", page.read_text(encoding="utf-8")):
            headings = re.findall(r"^#+ (.*)$", (page.parent / target).read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}


def rows_of(page: str, heading: str) -> str:
    """The first cells of the tables under a heading."""
    part = re.split(rf"^{re.escape(heading)}$", text(page), flags=re.M)[1]
    part = re.split(r"^## ", part, flags=re.M)[0]
    return "\n".join(re.findall(r"^\| (`[^|]*) \|", part, re.M))


def test_rest_names_every_field_of_a_recipe_with_its_default() -> None:
    for name, field in Recipe.model_fields.items():
        plain = json.dumps(field.default)
        shown = f"`{plain}`" if isinstance(field.default, dict) else plain
        assert f"| `{name}` | {shown} |" in text("rest.md")


def test_rest_names_every_field_of_an_exported_line() -> None:
    told = set(re.findall(r"`(\w+)`", rows_of("rest.md", "## Export")))
    line = {"id", "external_id", "content", "meta", "answer", "confidence", "labels", "skips", "prediction"}
    assert line | set(export_shape._LABEL) <= told


def test_rest_names_everything_that_is_measured() -> None:
    """The metrics of a round that has all a project can have, and what publishing adds to them."""
    from app.core.data import ArrayFeatures
    from app.core.findings import History
    from app.core.round import RoundInput
    from app.core.round import run as run_round
    from app.core.tasks.classification import Classification

    rows = np.arange(40)
    drawn = {"drawn_rows": rows[::2], "queued_rows": rows[1::2], "picked_rows": rows, "picked_with": None}
    given = RoundInput(
        task=Classification(["a", "b"]),
        recipe={},
        features=ArrayFeatures(np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)),
        answers=[(row, 1, {"class": "ab"[row % 2]}) for row in range(40)],
        open_rows=np.arange(40, 60),
        busy_rows=rows[:0],
        audit_rows=rows,
        previous=None,
        queue_size=5,
        seed=1,
        step=lambda _: None,
        history=History(**drawn, checkpoint=None),
    )
    named = re.findall(r"^\| of `metrics` .*?\n\n", text("rest.md"), re.M | re.S)[0]
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", named, re.M)))) - {"metrics"}
    assert told == {*run_round(given).metrics, "audit", "labels"}


def test_operate_names_every_setting_with_its_default() -> None:
    for name, field in Settings.model_fields.items():
        value = getattr(field.default, "get_secret_value", lambda default=field.default: default)()
        assert f"| `{name}` | {f'`{value}`' if value != '' else ''} | {field.description} |" in text("operate.md")


def test_the_contracts_shown_are_those_of_the_base_classes() -> None:
    shown = dict(blocks("plugins.md", "python contract="))
    assert len(shown) == 5
    for path, code in shown.items():
        module, name = path.rsplit(".", 1)
        base = getattr(importlib.import_module(module), name)
        told = {
            one.name: [a.arg for a in one.args.args] for one in ast.parse(code).body if isinstance(one, ast.FunctionDef)
        }
        assert base.__abstractmethods__ <= told.keys()
        for method, parameters in told.items():
            found = getattr(base, method)
            real: Any = found.fget if isinstance(found, property) else found
            assert list(inspect.signature(real).parameters) == parameters


def test_the_encoders_of_the_ladder_are_those_that_concepts_shows() -> None:
    from app.core.encoders import ladder

    for modality in ("text", "image", "table"):
        names = [f"`{one['name']}`" for one in ladder(modality)]
        assert f"| {modality} | {' | '.join([*names, ''][:2])}".rstrip() in text("concepts.md")


def test_the_index_leads_to_every_page() -> None:
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"index.md"}
    assert pages <= set(re.findall(r"\]\(([^)\s]+)\)", text("index.md")))


def test_the_web_application_starts_without_torch_as_architecture_says() -> None:
    done = run(ROOT, "-c", "import sys, app.web.main; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def copy_with_the_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the example of plugins.md in its place, as a newcomer would put it."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "app", copy / "app", ignore=shutil.ignore_patterns("demo_data", "__pycache__"))
    ((name, code),) = blocks("plugins.md", "python file=")
    assert name.startswith("app/core/strategies/")
    (copy / name).write_text(code, encoding="utf-8")
    return copy


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "MARGINALIA_DATA_DIR": str(folder / "data")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


USE = """
import numpy as np
import app
from app.core import plugins
from app.core.data import Pool
from app.core.strategies import Strategy
from app.services.recipes import ProjectFields, read

assert app.__file__.startswith({root!r}), app.__file__
shown = plugins.describe_one("strategies", "least_confident")
assert shown in plugins.describe("strategies")
assert shown.title == "Items whose most probable class is least probable"
fields = {{"name": "P", "modality": "text", "task": {{"kind": "classification", "classes": ["a", "b"]}}}}
recipe = read(ProjectFields, {{**fields, "recipe": {{"strategy": {{"name": "least_confident"}}}}}}).recipe
strategy = plugins.make("strategies", recipe.strategy, Strategy)
p = np.array([[0.9, 0.1], [0.5, 0.5], [0.3, 0.7]])
pool = Pool(np.empty((3, 0)), p, np.arange(3), np.empty((0, 0)))
assert strategy.rank(pool, 2, np.random.default_rng(0)).rows.tolist() == [1, 2]
print(strategy.reason(0.5, ("a", "b")))
"""


def test_the_example_strategy_is_listed_taken_in_a_recipe_and_ranks(copy_with_the_example: Path) -> None:
    done = run(copy_with_the_example, "-c", USE.format(root=str(copy_with_the_example)))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Model is 50% sure of a\n"
    assert "least_confident" not in plugins.names("strategies")


def test_the_conformance_tests_take_the_example_by_themselves(copy_with_the_example: Path) -> None:
    tests = copy_with_the_example / "tests" / "core"
    tests.mkdir(parents=True, exist_ok=True)
    for name in ("conftest.py", "test_strategies.py"):
        shutil.copy(ROOT / "tests" / "core" / name, tests / name)
    shutil.copy(ROOT / "pyproject.toml", copy_with_the_example)
    done = run(
        copy_with_the_example, "-m", "pytest", "-q", "-k", "least_confident", "-p", "no:cacheprovider", str(tests)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 20
