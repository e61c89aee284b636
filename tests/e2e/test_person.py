"""Whole sittings: by keyboard alone from the door to the last item, by touch on a phone; own keys, pace and pauses."""

from collections import Counter
from typing import Any

from app.models import Project, User
from tests.conftest import PASSWORD
from tests.e2e.test_labelling import READY, address, press, settle, shown, standing

SPAM, HAM = {"class": "spam"}, {"class": "ham"}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
ANOTHER = """
before => !document.querySelector("[data-rest]").hidden
  || (document.querySelector("[data-item]").innerText !== before && !document.querySelector(".pending"))
"""
SMALL = """
() => [...document.querySelectorAll("button, summary, a, select, label.toggle, label.switch, textarea")]
  .filter((one) => !one.matches(".skip-link") && one.checkVisibility({ visibilityProperty: true }))
  .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)
"""


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.outerHTML"))


def tab_to(page: Any, mark: str) -> None:
    """Tab until what has the focus says so."""
    for _ in range(40):
        if mark in focused(page):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{mark} is not reached by Tab")


def test_a_whole_sitting_with_the_keyboard_alone(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(None, address(labelling))
    keys = page.keyboard
    keys.type(bob.email)  # the field has the focus
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    page.wait_for_selector(READY)
    first, said = shown(page), []
    press(page, "1")
    press(page, "Backspace")
    assert shown(page) == first
    keys.press("c")
    keys.type("2 of them, s0 unsure")  # letters and digits are no answers here
    keys.press("Enter")
    for key, answer in (("2", HAM), ("1", SPAM)):
        said.append((shown(page), bob.id, answer, None))
        press(page, key)
    said.append((shown(page), bob.id, None, "broken"))
    keys.press("s")
    press(page, "2")
    settle(page, 3)

    keys.press("m")  # the latest has the focus; the second is opened, answered otherwise
    page.wait_for_selector("[data-mine-list] li:nth-child(3)")
    assert "broken" in focused(page)
    keys.press("Tab")
    keys.press("Enter")
    page.wait_for_selector(".answer.before[data-class=spam]")
    assert shown(page) == said[1][0]
    press(page, "2")
    said[1] = (said[1][0], bob.id, HAM, None)
    keys.press("m")

    keys.press(",")
    page.wait_for_selector("[data-settings][open]")
    tab_to(page, 'data-key-for="undo"')
    keys.press("Enter")
    for pressed, told in (("s", "Skip"), ("1", "Answer"), ("F5", "cannot"), ("Control+p", "cannot"), ("z", "Z: Undo")):
        if pressed == "z":
            keys.press("Escape")  # the choosing ends, not the dialog
            keys.press("Enter")
        keys.press(pressed)
        assert told in page.inner_text("[data-key-said]"), pressed
    keys.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.inner_text("[data-do=undo] kbd") == "Z"
    keys.press("?")
    page.wait_for_selector("[data-keys][open] .keys dd")
    assert "Undo the last answer\nZ\n" in page.inner_text(".keys")
    assert page.evaluate(f"import('{module(page)}').then((keys) => keys.collisions())") == []
    keys.press("Escape")

    now = shown(page)
    keys.press("u")  # it has no meaning any more
    assert shown(page) == now
    press(page, "1")
    page.reload()
    page.wait_for_selector(READY)
    press(page, page.inner_text("[data-do=undo] kbd").lower())
    assert shown(page) == now
    while page.locator("[data-rest]").is_hidden():
        said.append((shown(page), bob.id, SPAM, None))
        keys.press("1")
        page.wait_for_function(ANOTHER, arg=said[-1][0])
    settle(page, 12)
    assert Counter(map(str, standing())) == Counter(map(str, said))


def module(page: Any) -> str:
    """The address of the list of keys, from which the page has it."""
    return str(page.get_attribute("[data-label-page]", "data-widget")).replace("widgets/classification.js", "keys.js")


def swipe(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A finger goes from here to there."""
    session = page.context.new_cdp_session(page)
    steps = [(start[0] + (end[0] - start[0]) * n / 8, start[1] + (end[1] - start[1]) * n / 8) for n in range(9)]
    for number, (x, y) in enumerate(steps):
        touch = "touchStart" if number == 0 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": touch, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(16)  # as a finger's events come
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def test_a_whole_sitting_by_touch_on_a_phone(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling), **PHONE)
    page.wait_for_selector(READY)
    page.wait_for_selector(".swipe-hint")
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".answer").last.bounding_box()["y"] < 800
    said, first = [], shown(page)

    box = page.locator("[data-item]").bounding_box()
    middle, high = 195, box["y"] + box["height"] / 2
    for end in ((middle - 60, high), (middle - 100, high + 90), (middle, high - 200)):  # short, aslant, up: no answers
        swipe(page, (middle, high), end)
    swipe(page, (385, high), (100, high))  # from the edge: the browser's
    page.wait_for_timeout(300)
    assert (shown(page), standing()) == (first, [])
    for end, answer in ((middle + 170, HAM), (middle - 170, SPAM)):
        before = shown(page)
        said.append((before, bob.id, answer, None))
        swipe(page, (middle, high), (end, high + 10))
        page.wait_for_function("before => document.querySelector('[data-item]').innerText !== before", arg=before)
    settle(page, 2)

    page.tap("[data-do=undo]")
    page.wait_for_selector(".answer.before[data-class=spam]")
    page.tap("[data-comment] summary")
    assert page.evaluate(SMALL) == []
    page.tap("[data-comment-text]")
    page.keyboard.type("hm")
    page.tap("[data-unsure]")
    page.tap(".answer >> text=ham")
    said[1] = (said[1][0], bob.id, HAM, None)
    page.wait_for_function("before => document.querySelector('[data-item]').innerText !== before", arg=said[1][0])
    said.append((shown(page), bob.id, None, "out of scope"))
    page.tap("[data-skip] summary")
    assert page.evaluate(SMALL) == []
    page.tap("text=Out of scope")
    settle(page, 3)
    page.tap(".top [data-do=mine]")
    page.wait_for_selector("[data-mine-list] li:nth-child(3)")
    assert page.evaluate(SMALL) == []
    page.tap("[data-mine] [data-do=mine]")
    page.tap("[data-do=settings]")
    page.wait_for_selector("[data-settings][open]")
    assert page.evaluate(SMALL) == []
    page.tap("[data-switch=swipe]")
    page.tap("[data-settings] header .quiet-button")
    assert page.locator(".swipe-hint").is_hidden()
    before = shown(page)
    swipe(page, (middle, high), (middle + 170, high))
    page.wait_for_timeout(300)
    assert shown(page) == before
    while page.locator("[data-rest]").is_hidden():
        said.append((shown(page), bob.id, SPAM, None))
        page.tap(".answer >> text=spam")
        page.wait_for_function(ANOTHER, arg=said[-1][0])
    settle(page, 12)
    assert Counter(map(str, standing())) == Counter(map(str, said))


def test_the_pace_is_told_and_a_pause_is_suggested_once(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.clock.install()
    page.reload()
    page.wait_for_selector(READY)

    def answer_after(minutes: int) -> None:
        for _ in range(6 * minutes):
            page.clock.run_for(10_000)
            page.mouse.move(10, 10)
            page.mouse.move(20, 20)
        press(page, "1")

    for _ in range(4):
        answer_after(1)
    assert page.inner_text("[data-pace]") == ""  # of so few nothing can be said
    answer_after(1)
    assert "about 60 an hour" in page.inner_text("[data-pace]")
    answer_after(36)
    assert page.inner_text("[data-pause]") == ""
    answer_after(5)
    page.wait_for_selector("[data-pause] p")
    assert "for 46 minutes" in page.inner_text("[data-pause]")
    assert page.get_attribute("[data-pause]", "role") == "status"
    assert "button" not in focused(page)[:8]
    press(page, "1")  # keys go on
    page.click("text=All right")
    assert page.inner_text("[data-pause]") == ""
    answer_after(1)
    page.wait_for_timeout(300)
    assert page.inner_text("[data-pause]") == ""  # once
