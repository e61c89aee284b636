"""Spans in a real browser: by keyboard, by selection, undone, and without scripts; offsets in code points."""

from typing import Any

from app.models import Project, User
from tests.conftest import MakeProject
from tests.e2e.test_labelling import READY, address, settle, shown, standing

TEXTS = ["👩‍🚀 Bob met Bob in Köln", "👍🏽 Ana\u0301 in 北京"]
TASK = {"kind": "spans", "classes": [{"name": "person"}, {"name": "place"}]}


def made(make_project: MakeProject) -> Project:
    project: Project = make_project(TEXTS, task=TASK)
    return project


def select(page: Any, said: str) -> None:
    """Select words of the text, as a mouse would."""
    page.evaluate(
        """said => {
          const walker = document.createTreeWalker(document.querySelector("[data-item]"), NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const place = node.data.indexOf(said);
            if (place >= 0) return getSelection().setBaseAndExtent(node, place, node, place + said.length);
          }
        }""",
        said,
    )


def test_words_are_selected_and_marked_with_a_key_and_sent_with_enter(
    visit: Any, make_project: MakeProject, bob: User
) -> None:
    page = visit(bob, address(made(make_project)))
    page.wait_for_selector(READY)
    assert shown(page) == TEXTS[0]
    select(page, "Köln")
    page.keyboard.press("2")
    select(page, "Bob")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    settle(page, 1)
    found = {"spans": [{"start": 4, "end": 7, "class": "person"}, {"start": 19, "end": 23, "class": "place"}]}
    assert standing() == [(TEXTS[0], bob.id, found, None)]
    assert [TEXTS[0][one["start"] : one["end"]] for one in found["spans"]] == ["Bob", "Köln"]  # type: ignore[misc]
    page.keyboard.press("u")
    page.wait_for_function("text => document.querySelector('[data-item]').innerText === text", arg=TEXTS[0])
    page.keyboard.press("Enter")  # the answer stands there again
    settle(page, 1)
    assert standing()[0][2] == found


def test_spans_are_sent_without_scripts(visit: Any, make_project: MakeProject, bob: User) -> None:
    page = visit(bob, address(made(make_project)), java_script_enabled=False)
    page.fill("[name=spans]", "person: Bob\nperson: Bob\nplace: Köln")
    page.click("[name=send]")
    settle(page, 1)
    page.fill("[name=spans]", "person: Ana\u0301\nplace: 北京")
    page.click("[name=send]")
    settle(page, 2)
    marked = [[text[one["start"] : one["end"]] for one in answer["spans"]] for text, _, answer, _ in standing()]
    assert marked == [["Bob", "Bob", "Köln"], ["Ana\u0301", "北京"]]
