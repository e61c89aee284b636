"""How items are shown, in a browser: images looked at closely, search in texts, conversations, rows as cards."""

import io
import json
from hashlib import sha256
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import select

from app import store
from app.core import turns
from app.db import transaction
from app.models import Item, Project, User
from app.services.upload_rows import digest_of
from tests.e2e.test_labelling import READY, address, press, settle
from tests.e2e.test_widgets import SELECT, exported

TALK = [
    {"role": "user", "content": "<script>alert(1)</script> 👩‍🚀 Where is my card?\nIt has been two weeks."},
    {"speaker": "Ada", "text": "We sent it to Kyōto, 京都市.", "at": 3},
    {"text": "(They leave.)"},
]
PLACE = "document.querySelector('[data-item] .text')"


def holding(make_project: Any, contents: list[dict[str, Any]], **fields: Any) -> Project:
    """A project whose items have these contents, in this order."""
    project: Project = make_project([str(number) for number in range(len(contents))], **fields)
    with transaction() as db:
        items = db.scalars(select(Item).where(Item.project_id == project.id).order_by(Item.row))
        for item, content in zip(items, contents, strict=True):
            item.content, item.content_hash = content, digest_of(content)
    return project


def talk_of(said: list[dict[str, Any]]) -> dict[str, Any]:
    return {"text": turns.joined(said), "turns": said}


def picture(width: int, height: int, shade: int = 0) -> dict[str, Any]:
    """An image of dark and white stripes, a pixel each, in the store."""
    stripes = np.where(np.arange(width) % 2, 255, shade).astype(np.uint8)
    drawn = Image.fromarray(np.tile(stripes, (height, 1)))
    stream = io.BytesIO()
    drawn.save(stream, "PNG")
    name = sha256(stream.getvalue()).hexdigest()
    store.keep_medium(name, stream.getvalue())
    return {"image": name, "media_type": "image/png", "width": width, "height": height}


def opened(visit: Any, user: User, project: Project, **options: Any) -> Any:
    page = visit(user, address(project), **options)
    page.wait_for_selector(READY)
    return page


def test_an_image_is_looked_at_closely_by_key_mouse_and_finger(visit: Any, make_project: Any, bob: User) -> None:
    contents = [picture(2400, 1600), picture(1200, 1800, 90), picture(28, 28)]
    project = holding(make_project, contents, modality="image")
    page = opened(visit, bob, project, has_touch=True, reduced_motion="reduce")
    frame = page.locator(".picture")
    page.wait_for_function("document.querySelector('[data-item] img').naturalWidth === 2400")
    begin = frame.bounding_box()

    def share() -> float:
        return float(page.inner_text("[data-tool=share]").rstrip("\u00a0%"))

    def place() -> dict[str, float]:
        return page.locator("[data-item] img").bounding_box()  # type: ignore[no-any-return]

    whole = place()
    page.keyboard.press("z")
    assert (share(), place()["width"]) == (100, 2400)  # a pixel of the image is one of the screen
    assert frame.bounding_box() == begin  # nothing jumps
    before = place()["x"]
    page.keyboard.press("ArrowRight")
    assert place()["x"] == before - 60
    page.mouse.move(begin["x"] + 300, begin["y"] + 200)
    page.mouse.down()
    page.mouse.move(begin["x"] + 340, begin["y"] + 210)
    page.mouse.up()
    assert place()["x"] == before - 20
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    assert abs(place()["x"] - begin["x"]) < 1  # no further than its edge
    page.keyboard.press("z")
    assert place() == whole
    page.keyboard.press("+")
    assert place()["width"] > whole["width"]
    page.keyboard.press("-")
    page.mouse.wheel(0, -400)
    assert place()["width"] > 1.5 * whole["width"]
    frame.dblclick()
    assert place() == whole
    fingers = page.context.new_cdp_session(page)
    middle = {"x": begin["x"] + begin["width"] / 2, "y": begin["y"] + begin["height"] / 2}
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 90), ("touchMove", 120)):
        points = [{"x": middle["x"] + side * apart, "y": middle["y"], "id": side + 1} for side in (-1, 1)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert abs(place()["width"] / whole["width"] - 3) < 0.2

    page.keyboard.press("b")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert "brightness(1.2)" in page.evaluate("getComputedStyle(document.querySelector('[data-item] img')).filter")
    page.keyboard.press("1")
    page.wait_for_function("document.querySelector('[data-item] img').naturalWidth === 1200")
    assert frame.bounding_box() == begin
    assert page.locator(".picture.enlarged").count() == 0  # each image begins whole, in the same light
    assert "brightness(1.2)" in page.evaluate("getComputedStyle(document.querySelector('[data-item] img')).filter")
    page.keyboard.press("r")
    assert page.evaluate("getComputedStyle(document.querySelector('[data-item] img')).filter") == "none"
    page.keyboard.press("2")
    page.wait_for_function("document.querySelector('[data-item] img').naturalWidth === 28")
    page.set_viewport_size({"width": 390, "height": 844})
    small = [one for one in page.locator(".tools button, .tools summary").all() if one.is_visible()]
    boxes = [one.bounding_box() for one in small]
    assert all(min(box["width"], box["height"]) >= 44 and box["x"] + box["width"] <= 390 for box in boxes), boxes


WORDS = [
    ("straße", "Die STRASSE, die Straße.", []),
    ("resume", "His résumé; Re\u0301sume\u0301s.", ["résumé", "Re\u0301sume\u0301"]),
    ("σίσυφος", "ΣΊΣΥΦΟΣ", ["ΣΊΣΥΦΟΣ"]),
    ("كتاب", "هذا كِتَابٌ، وكتـــاب آخر", ["كِتَابٌ", "كتـــاب"]),
    ("東京", "昨日、東京で。ﾄｳｷｮｳ", ["東京"]),
    ("トウキョウ", "昨日、東京で。ﾄｳｷｮｳ", ["ﾄｳｷｮｳ"]),
    ("か", "がか", ["か"]),
    ("कि", "का कि", ["कि"]),
    ("fi", "ﬁn 👩‍🚀fi", ["ﬁ", "fi"]),
    ("a.c", "abc a.c", ["a.c"]),
]


def test_search_marks_every_hit_and_leaves_the_text_alone(visit: Any, make_project: Any, bob: User) -> None:
    story = "\n\n".join(f"{number}. She flew to Kyōto, and to KYOTO again." for number in range(40))
    task = {"kind": "spans", "classes": [{"name": "place"}, {"name": "person"}]}
    project = holding(make_project, [{"text": story}, {"text": "Kyoto 2"}], task=task)
    page = opened(visit, bob, project)
    folding = page.evaluate("new URL('views/folding.js', document.querySelector('script[src*=\"label.js\"]').src).href")
    for words, text, hits in WORDS:
        found = page.evaluate("([url, text, words]) => import(url).then((all) => all.find(text, words, 9))",
                              [folding, text, words])  # fmt: skip
        units = text.encode("utf-16-le")
        assert [units[2 * a : 2 * b].decode("utf-16-le") for a, b in found] == (hits or ["Straße"]), words

    page.evaluate(SELECT, "KYOTO")
    page.keyboard.press("1")
    page.keyboard.press("t")
    page.wait_for_selector(".search-bar input:focus")
    page.keyboard.type("kyoto")
    told = page.locator(".search-bar output")
    assert told.inner_text() == "1 of 80"
    page.keyboard.press("Shift+Enter")
    assert told.inner_text() == "80 of 80"
    assert page.evaluate("document.querySelector('.stage').scrollTop") > 500
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert told.inner_text() == "2 of 80"
    count = "name => [...CSS.highlights.get(name)].map(String)"
    assert page.evaluate(count, "found-now") == ["KYOTO"]  # in a marked span, which is a node of its own
    assert len(page.evaluate(count, "found")) == 79
    assert page.evaluate(f"{PLACE}.textContent") == story
    page.keyboard.press("Escape")
    assert page.locator(".search-bar").is_hidden()
    assert page.evaluate(count, "found") == []
    page.evaluate(SELECT, "Kyōto")
    page.keyboard.press("2")
    page.keyboard.press("t")  # the words stay, and the next item is searched too
    page.click("[data-send]")
    page.wait_for_function(f"{PLACE}.textContent === 'Kyoto 2'")
    page.wait_for_function("document.querySelector('.search-bar output').textContent === '1 of 1'")
    settle(page, 1)
    spans = next(line for line in exported(page, project) if line["answer"])["answer"]["spans"]
    assert [(story[one["start"] : one["end"]], one["class"]) for one in spans] == [
        ("Kyōto", "person"),
        ("KYOTO", "place"),
    ]


def test_search_without_the_browsers_highlights(visit: Any, make_project: Any, bob: User) -> None:
    project = holding(make_project, [{"text": "Kyoto, kyoto"}])
    page = opened(visit, bob, project, scripts=("delete CSS.highlights; delete window.Highlight;",))
    assert not page.evaluate("'highlights' in CSS")
    page.keyboard.press("t")
    page.wait_for_selector(".search-bar input:focus")
    page.keyboard.type("KYOTO")
    boxes = page.locator(".mark-boxes i")
    assert boxes.count() == 2
    text = page.locator("[data-item] .text").bounding_box()
    first = boxes.nth(0).bounding_box()
    assert text["x"] <= first["x"] < text["x"] + 5
    assert abs(first["y"] - text["y"]) < 12
    assert page.evaluate(f"{PLACE}.innerHTML") == "Kyoto, kyoto"


def test_a_conversation_is_labelled_as_its_text(visit: Any, make_project: Any, alice: User, bob: User) -> None:
    task = {"kind": "spans", "classes": [{"name": "place"}, {"name": "person"}]}
    project = make_project(task=task)
    lead = visit(alice, "/")
    lines = "\n".join(json.dumps({"id": number, "messages": TALK[:number]}) for number in (3, 2))
    address_ = f"/api/v1/projects/{project.id}/items?text=messages"
    sent = lead.request.post(address_, data=lines, headers={"Content-Type": "application/x-ndjson", "Origin": ""})
    assert sent.ok, sent.text()
    plain = visit(bob, address(project), java_script_enabled=False)
    drawn = plain.locator("[data-item] .text")
    page = opened(visit, bob, project)
    assert page.evaluate(f"{PLACE}.textContent") == drawn.text_content()
    assert page.evaluate(f"{PLACE}.innerHTML") != ""
    first = page.evaluate(f"{PLACE}.textContent")
    text = next(one for one in (turns.joined(TALK), turns.joined(TALK[:2])) if one == first)
    for words, key in (("👩‍🚀", "2"), ("Kyōto", "1"), ("weeks.\nAda: We", "1")):
        page.evaluate(SELECT, words)
        page.keyboard.press(key)
    assert page.evaluate(f"{PLACE}.textContent") == text
    assert page.locator("[data-item] .turn").count() == len(text.split("\n")) - 1  # one turn has two lines
    press(page, "Enter")
    settle(page, 1)
    line = next(one for one in exported(lead, project) if one["answer"])
    marked = {text[one["start"] : one["end"]] for one in line["answer"]["spans"]}
    assert marked == {"👩‍🚀", "Kyōto", "weeks.\nAda: We"}
    assert line["content"]["turns"] == TALK[: len(line["content"]["turns"])]


def test_a_row_is_a_card(visit: Any, make_project: Any, bob: User) -> None:
    columns = {
        "zeta": 1.0, "ok": True, "none": None, "blank": "", "web": "https://example.org/?a=<b>",
        "odd": "javascript:alert(1)", "cheat": "https://example.org@evil.example/", "story": "Word by word. " * 60,
        "alpha": 12,
    }  # fmt: skip
    page = opened(visit, bob, holding(make_project, [{"columns": columns}], modality="table"))
    names = page.locator("[data-item] dt").all_inner_texts()
    assert names == list(columns)  # in their order
    plain = visit(bob, page.url, java_script_enabled=False)
    said = [one.inner_text() for one in page.locator("[data-item] dd").all()]
    assert said[:4] == ["1", "true", "empty", "empty"]
    assert [one.inner_text() for one in plain.locator("[data-item] dd").all()][:7] == said[:7]
    for each in (page, plain):
        links = each.locator("[data-item] a")
        assert [one.get_attribute("href") for one in links.all()] == ["https://example.org/?a=<b>"]
        assert "noreferrer" in (links.get_attribute("rel") or "")
    story = page.locator("[data-item] .part")
    before = story.bounding_box()["height"]
    page.get_by_role("button", name="More").click()
    assert story.bounding_box()["height"] > before
    page.get_by_role("button", name="Less").click()
    page.set_viewport_size({"width": 390, "height": 844})
    name, value = (page.locator(f"[data-item] {tag}").first.bounding_box() for tag in ("dt", "dd"))
    assert value["x"] == name["x"]
    assert value["y"] > name["y"]
