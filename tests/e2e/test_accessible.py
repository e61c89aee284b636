"""axe-core finds nothing against WCAG 2.2 A and AA on any page or widget, in light and dark."""

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from sqlalchemy import update

from app.db import transaction
from app.models import Lease, Project, User
from tests.e2e.test_labelling import READY, address
from tests.e2e.test_views import TALK, holding, picture, talk_of

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
WIDGETS = {
    "classification": [{"name": "spam", "description": "Nobody asked for it"}, {"name": "ham"}],
    "multilabel": [{"name": "sport"}, {"name": "money"}],
    "rating": [{"name": str(step)} for step in range(6)],
    "pairs": [{"name": "left"}, {"name": "right"}],
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
        if name == "pairs":
            two = {"columns": {"one": "An old house", "two": "A new house"}}
            project = holding(make_project, [two], modality="table", task=task)
        else:
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
            page.wait_for_selector("dialog[data-keys][open]")
            problems["keys"] = found(page)
            page.keyboard.press("Escape")
            page.keyboard.press(",")
            page.wait_for_selector("dialog[data-settings][open]")
            problems["settings"] = found(page)
            page.keyboard.press("Escape")
            page.keyboard.press("1")
            page.wait_for_selector("[data-rest]")
            problems["nothing left"] = found(page)
    assert {name: told for name, told in problems.items() if told} == {}


@SCHEMES
def test_every_view(visit: Any, make_project: Any, bob: User, scheme: str) -> None:
    rows = {"name": "Ada", "born": 1815, "note": None, "web": "https://example.org/", "story": "Word by word. " * 60}
    views = {"table": {"columns": rows}, "image": picture(600, 400), "text": talk_of(TALK)}
    page, problems = None, {}
    for name, content in views.items():
        project = holding(make_project, [content], modality=name)
        page = page or visit(bob, "/", color_scheme=scheme)
        page.goto(address(project))
        page.wait_for_selector(READY)
        problems[name] = found(page)
        if name == "image":
            for key in ("z", "b"):
                page.keyboard.press(key)
                problems[f"image after {key}"] = found(page)
        else:
            page.keyboard.press("t")
            page.wait_for_selector(".search-bar input:focus")
            page.keyboard.type("word")
            problems[f"search in {name}"] = found(page)
    guess = {"answer": {"rating": 1}, "confidence": 0.6, "expected": 1.2, "probabilities": [0.1, 0.6, 0.3]}
    rated = make_project(["A"], task={"kind": "rating", "classes": [{"name": str(step)} for step in range(3)]})
    page.goto(address(rated))
    page.wait_for_selector(READY)
    with transaction() as db:
        db.execute(update(Lease).values(suggestion=guess, chosen_by="queue", reason="Because"))
    page.reload()
    page.wait_for_selector(READY)
    assert page.inner_text("[data-expected]") == "Expected: 1.2"
    assert page.locator("[data-sure]").all_inner_texts() == ["10\u00a0%", "60\u00a0%", "30\u00a0%"]
    problems["a suggested rating"] = found(page)
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
