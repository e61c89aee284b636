"""Each widget by keyboard and mouse, to the label and out again through an export."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from app.db import transaction
from app.models import Item, Project, User
from app.services import users
from tests.e2e.conftest import present
from tests.e2e.test_labelling import READY, address, press, settle, shown, standing

SPANS = {"kind": "spans", "classes": [{"name": "place"}, {"name": "person"}]}
# Each with two stretches to mark: the whole grapheme is meant, wherever JavaScript counts its halves.
NASTY = [
    ("👩‍🚀 Ada flew 🇯🇵🇩🇪 to Kyōto 👨‍👩‍👧‍👦!", ["Kyōto", "👨‍👩‍👧‍👦"]),
    ("e\u0301tude n\u0303 a\u0323\u0302 Zoë 𝒜𝓁𝒾𝒸𝑒 🤷🏽‍♀️", ["𝒜𝓁𝒾𝒸𝑒", "n\u0303"]),
    ("ذهبت ليلى إلى القاهرة 🕌 أمس", ["القاهرة", "ليلى"]),
    ("昨日、東京で田中さんに会った。", ["東京", "田中"]),
    ("Two  blanks\r\n\tand a\u200bzero\u00a0width 𠮷野家", ["𠮷野家", "blanks"]),
]
# What a mouse does: selects from the middle of nothing, once with the blanks around it.
SELECT = """
words => {
  const text = document.querySelector("[data-item] .text");
  const at = text.textContent.indexOf(words);
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let before = 0;
  let isOpen = false;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const end = before + node.data.length;
    if (!isOpen && at < end) { range.setStart(node, at - before); isOpen = true; }
    if (at + words.length <= end) { range.setEnd(node, at + words.length - before); break; }
    before = end;
  }
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}
"""


def exported(page: Any, project: Project) -> list[dict[str, Any]]:
    """The lines of a JSON Lines export, as the lead takes it out over REST."""
    page.context.clear_cookies()
    with transaction() as db:
        key = users.start_sign_in(db, project.created_by, present())
    cookie = {"Cookie": f"marginalia={key}"}
    answer = page.request.get(f"/api/v1/projects/{project.id}/export?format=jsonl", headers=cookie)
    assert answer.ok, answer.text()
    return [json.loads(line) for line in answer.body().splitlines()]


def test_spans_of_nasty_texts_come_out_of_an_export_as_they_were_marked(
    visit: Any, make_project: Any, bob: User
) -> None:
    project = make_project([text for text, _ in NASTY], task=SPANS)
    page = visit(bob, address(project))
    page.wait_for_selector(READY)
    wanted = dict(NASTY)
    for number in range(len(NASTY)):
        text = page.evaluate("document.querySelector('[data-item] .text').textContent")
        for key, words in zip("12", wanted[text], strict=True):
            page.evaluate(SELECT, words)
            page.keyboard.press(key)
        assert page.locator("[data-span-list] li").count() == 2
        page.keyboard.press("Enter")
        settle(page, number + 1)
        page.wait_for_function(
            "text => document.querySelector('[data-widget-host]').hidden"
            " || document.querySelector('[data-item] .text').textContent !== text",
            arg=text,
        )
    for line in exported(page, project):
        text = line["content"]["text"]
        spans = line["answer"]["spans"]
        assert {text[one["start"] : one["end"]] for one in spans} == set(wanted[text])
        assert {one["class"]: text[one["start"] : one["end"]] for one in spans} == dict(
            zip(("place", "person"), wanted[text], strict=True)
        )


def test_spans_by_the_keyboard_alone(visit: Any, make_project: Any, bob: User) -> None:
    project = make_project(["Ada Lovelace flew to Kyōto.", "Nothing here."], task=SPANS)
    page = visit(bob, address(project))
    page.wait_for_selector(READY)
    for key in ("ArrowRight", "Shift+ArrowRight", "2", "ArrowRight", "ArrowRight", "ArrowRight", "1"):
        page.keyboard.press(key)
    marked = [" ".join(text.split()) for text in page.locator("[data-span-list] li").all_inner_texts()]
    assert marked == ["person: Ada Lovelace ×", "place: Kyōto ×"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("2")
    assert "may not overlap" in page.inner_text("[data-wrong]")
    page.keyboard.press("Delete")
    assert page.locator("[data-span-list] li").count() == 1
    press(page, "Enter")
    settle(page, 1)
    assert standing()[0][2] == {"spans": [{"start": 0, "end": 12, "class": "person"}]}
    page.keyboard.press("u")
    page.wait_for_function("() => document.querySelectorAll('[data-item] mark').length === 1")


def test_spans_may_overlap_where_the_lead_allows_it(visit: Any, make_project: Any, bob: User) -> None:
    project = make_project(["University of Kyoto", "Two"], task={**SPANS, "overlap": True})
    page = visit(bob, address(project), has_touch=True)
    page.wait_for_selector(READY)
    for words, name in (("University of Kyoto", "person"), ("Kyoto", "place")):
        page.evaluate(SELECT, words)
        page.tap(f".answer >> text={name}")
    page.tap("[data-send]")
    settle(page, 1)
    assert standing()[0][2] == {
        "spans": [{"start": 0, "end": 19, "class": "person"}, {"start": 14, "end": 19, "class": "place"}]
    }


def test_a_rating_is_its_digit(visit: Any, make_project: Any, bob: User) -> None:
    scale = {"kind": "rating", "classes": [{"name": str(step)} for step in range(6)]}
    project = make_project(["One", "Two", "Three"], task=scale)
    page = visit(bob, address(project))
    page.wait_for_selector(READY)
    press(page, "0")
    press(page, "5")
    page.click(".answer >> text=3")
    settle(page, 3)
    assert [answer for _, _, answer, _ in standing()] == [{"rating": 0}, {"rating": 5}, {"rating": 3}]
    page.keyboard.press("u")
    page.wait_for_selector(".answer.before[data-class='3']")


@pytest.fixture
def pairs(make_project: Any) -> Project:
    project: Project = make_project(
        ["-", "--"], modality="table", task={"kind": "pairs", "classes": [{"name": "first"}, {"name": "second"}]}
    )
    with transaction() as db:
        for number, item in enumerate(db.scalars(select(Item).order_by(Item.row))):
            item.content = {"columns": {"left": f"An old house {number}", "right": f"A new house {number}"}}
    return project


def test_of_two_things_the_arrow_towards_one_chooses_it(visit: Any, pairs: Project, bob: User) -> None:
    page = visit(bob, address(pairs))
    page.wait_for_selector(READY)
    assert "An old house 0" in shown(page)
    boxes = [page.locator("[data-item] dd").nth(number).bounding_box() for number in (0, 1)]
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 6  # it may still be arriving
    press(page, "ArrowRight")
    page.keyboard.press("1")
    page.wait_for_selector("[data-rest]")
    assert [line["answer"] for line in exported(page, pairs)] == [{"class": "second"}, {"class": "first"}]
