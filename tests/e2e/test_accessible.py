"""axe-core finds nothing against WCAG 2.2 A and AA on any page or widget, in light and dark."""

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest

from app.models import Project, User
from tests.e2e.test_labelling import READY, address

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
WIDGETS = {
    "classification": [{"name": "spam", "description": "Nobody asked for it"}, {"name": "ham"}],
    "multilabel": [{"name": "sport"}, {"name": "money"}],
    "rating": [{"name": str(step)} for step in range(6)],
    "spans": [{"name": "place"}, {"name": "person"}],
    "many": [{"name": f"intent {number}"} for number in range(77)],
}
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def found(page: Any) -> list[str]:
    """What axe-core objects to: the rule, and where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {"runOnly": {"type": "tag", "values": TAGS}, "rules": {"target-size": {"enabled": True}}}
    result = page.evaluate("rules => axe.run(document, rules)", rules)
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@SCHEMES
def test_every_widget(visit: Any, make_project: Any, bob: User, scheme: str) -> None:
    page, problems = None, {}
    for name, classes in WIDGETS.items():
        task = {"kind": "classification" if name == "many" else name, "classes": classes}
        project = make_project([f"Ada flew to Kyoto {name}"], task=task, guidelines="Think **twice**.")
        page = page or visit(bob, "/", color_scheme=scheme)
        page.goto(address(project))
        page.wait_for_selector(READY)
        problems[name] = found(page)
        if name == "spans":
            for key in ("ArrowRight", "1"):
                page.keyboard.press(key)
            problems["a marked span"] = found(page)
        if name == "classification":
            for key in ("g", "m", "c"):
                page.keyboard.press(key)
                page.keyboard.press("Escape")
                problems[f"after {key}"] = found(page)
            page.keyboard.press("s")
            problems["skip"] = found(page)
            page.keyboard.press("Escape")
            page.keyboard.press("?")
            problems["keys"] = found(page)
            page.keyboard.press("Escape")
            page.keyboard.press("1")
            page.wait_for_selector("[data-rest]")
            problems["nothing left"] = found(page)
    assert {name: told for name, told in problems.items() if told} == {}


@SCHEMES
def test_every_other_page(visit: Any, labelling: Project, alice: User, scheme: str) -> None:
    page = visit(None, "/sign-in", color_scheme=scheme)
    problems = {"/sign-in": found(page)}
    page = visit(alice, "/", color_scheme=scheme)
    inside = ("", "/items", "/upload", "/people", "/simulate", "/export", "/settings")
    for path in (
        "/",
        "/projects/new",
        "/account",
        "/users",
        "/plugins",
        *(f"/projects/{labelling.id}{end}" for end in inside),
    ):
        page.goto(path)
        problems[path] = found(page)
    assert {path: told for path, told in problems.items() if told} == {}
