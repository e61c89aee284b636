"""The lead's side in a real browser: creating, uploading, watching it change."""

from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.db import transaction
from app.models import Project, Round, User
from app.services import labels, queue, users
from tests.e2e.conftest import present


def test_it_works(visit: Any, alice: User, tmp_path: Path) -> None:
    """From nothing to an item on screen, by clicks."""
    page = visit(alice, "/")
    page.click("text=New project")
    page.fill("#name", "Reviews")
    rows = page.locator("[data-class-row]")
    rows.nth(0).locator("[name=class_name]").fill("good")
    rows.nth(1).locator("[name=class_name]").fill("bad")
    page.click("[data-add-class]")
    assert rows.count() == 4
    page.click("text=Create the project")
    page.wait_for_selector("[data-drop]")
    file = tmp_path / "reviews.csv"
    file.write_text("text,label\nLovely,\nAwful,bad\n")
    page.set_input_files("#file", file)
    page.click("text=Send the file")
    page.wait_for_selector("text=The first rows of reviews.csv")
    page.click("text=Add the items")
    page.wait_for_selector("text=2 items added")
    page.click("main >> text=Label >> nth=0")
    page.wait_for_selector("[data-ready=yes]")
    assert page.inner_text("[data-item]") == "Lovely"


def test_the_overview_changes_by_itself(visit: Any, labelling: Project, alice: User) -> None:
    page = visit(alice, f"/projects/{labelling.id}")
    page.wait_for_selector("[data-figure=labelled]:has-text('0 of 12')")
    caller = users.caller(alice)
    with transaction() as db:
        from app.web.deps import coin

        found = queue.claim(db, labelling, alice.id, 1, present(), coin)
        labels.submit(db, labelling, found.items[0].item_id, caller, uuid4(), {"class": "spam"}, 1.0, present())
    page.wait_for_selector("[data-figure=labelled]:has-text('1 of 12')")


def test_no_page_is_wider_than_a_phone(visit: Any, labelling: Project, alice: User) -> None:
    page = visit(alice, "/", viewport={"width": 390, "height": 844})
    inside = ("", "/label", "/items", "/upload", "/people", "/export", "/settings")
    paths = [f"/projects/{labelling.id}{path}" for path in inside]
    for path in [*paths, "/", "/projects/new", "/account", "/users", "/plugins"]:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_the_theme_is_kept(visit: Any, alice: User) -> None:
    page = visit(alice, "/", color_scheme="light")
    page.click("[data-theme-switch]")
    page.goto("/account")
    assert page.evaluate("document.documentElement.className") == "dark"
    assert "dark" in page.request.get("/account").text()[:200]


def test_the_rest_documentation_is_drawn_without_a_network(visit: Any, alice: User) -> None:
    page = visit(alice, "/api/docs")
    page.wait_for_selector("#swagger-ui .opblock")
    assert "/{project_id}/next" in page.inner_text("#swagger-ui").replace("\u200b", "")


SEEN = """() => {
  const curves = [...document.querySelectorAll("svg.curve:not(.legend-mark)")].filter((one) => one.checkVisibility())
  const box = (one) => one.getBoundingClientRect()
  const tops = ["right", "pays", "stop"].map((name) => box(document.querySelector(`[data-question=${name}]`)).y)
  const { width, y } = box(curves[0])
  return { curves: curves.length, width, y, tops, text: box(curves[0].querySelector("text.name")).height }
}"""


def test_a_lead_sees_three_answers_before_the_curve_and_a_phone_has_a_curve_of_its_own(
    visit: Any, labelling: Project, alice: User
) -> None:
    verdict = {"verdict": "better", "difference": 0.06, "low": 0.01, "high": 0.11, "n": 84, "labels": 75}
    with transaction() as db:
        for n in range(1, 11):
            share = 0.9 - 2 / (20 * n) ** 0.7
            accuracy = {"estimate": share, "low": share - 0.05, "high": share + 0.05, "n": 100, "share": share}
            metrics = {"accuracy": accuracy, "macro_f1": 0.8, "log_loss": 0.5, "verdict": verdict}
            fields = {"state": "published", "opened_at": present(), "measured_at": present(), "seed": 1, "recipe": {}}
            db.add(Round(project_id=labelling.id, number=n, labels_used=n, encoder="x", metrics=metrics, **fields))
    for width in (390, 1280):
        page = visit(alice, f"/projects/{labelling.id}", viewport={"width": width, "height": 844})
        drawn = page.evaluate(SEEN)  # at once: the page may be drawn anew between two looks
        assert drawn["curves"] == 1
        assert drawn["width"] <= width
        assert drawn["text"] > 9  # a drawing for a desk would be half as large here
        assert max(drawn["tops"]) < drawn["y"]
        assert page.inner_text("[data-question=pays] .figure") == "+6"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))
        levels = page.evaluate("[...document.querySelectorAll('main :is(h1,h2,h3,h4)')].map((one) => +one.tagName[1])")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
