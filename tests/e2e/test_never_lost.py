"""No answer is lost and none is counted twice, whatever happens to network, server, session and tab, at full speed.

MARGINALIA_TEST_ITEMS=200 makes the runs as long as a sitting; `make bench-page` prints what a key costs.
"""

import os
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.db import reading, transaction
from app.models import Label, Lease, Project, SignIn, User
from app.services import leases, queue
from tests.conftest import PASSWORD
from tests.e2e.conftest import Site, present
from tests.e2e.test_labelling import READY, address, settle, shown, standing

ITEMS = int(os.environ.get("MARGINALIA_TEST_ITEMS", "40"))
AWAY_SECONDS = 60.0 if ITEMS >= 200 else 3.0  # without a network
WAITING = "() => /wait/.test(document.querySelector('[data-waiting]').innerText)"
ANSWERS = {"1": {"class": "spam"}, "2": {"class": "ham"}}
# One call in fifty fails, by a seeded draw: half of these before they are sent, half with their answer.
LOSSY = """
let seed = 20261124;
const draw = () => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) / 2 ** 24;
const real = window.fetch;
window.lost = 0;
window.fetch = async (...given) => {
  const fate = draw();
  if (fate < 0.01) { window.lost += 1; throw new TypeError("lost on its way"); }
  const response = await real(...given);
  if (fate < 0.02) { window.lost += 1; throw new TypeError("its answer was lost"); }
  return response;
};
"""
# For every key: did the frame after it show another item, and when was that frame done?
FRAMES = """
window.frames_ = [];
addEventListener("keydown", (event) => {
  const shown = () => document.querySelector("[data-item]").innerText;
  const before = shown();
  const channel = new MessageChannel();
  channel.port1.onmessage = () => window.frames_.push([performance.now() - event.timeStamp, shown() !== before]);
  requestAnimationFrame(() => channel.port2.postMessage(0));
}, true);
"""


@pytest.fixture
def many(make_project: Any) -> Project:
    project: Project = make_project([f"Mail number {number}" for number in range(ITEMS + 5)])
    return project


def sitting(page: Any, said: dict[str, Any], every: float = 0.2) -> Iterator[int]:
    """Answer items by key, five a second, as soon as each is there; notes what was said of each."""
    last, due = "", time.monotonic()
    while True:
        page.wait_for_function(
            "last => !document.querySelector('[data-widget-host]').matches('.pending, [hidden]')"
            " && document.querySelector('[data-item]').innerText !== last",
            arg=last,
            timeout=60_000,
        )
        page.wait_for_timeout(max(0.0, 1000 * (due - time.monotonic())))
        due = max(due, time.monotonic() - every) + every
        last = shown(page)
        key = "12"[len(said) % 2]
        page.keyboard.press(key)
        assert last not in said, f"{last} was asked twice"
        said[last] = ANSWERS[key]
        yield len(said)


def assert_exactly_once(page: Any, said: dict[str, Any]) -> None:
    """The server holds what was said and nothing else; not even an ended label."""
    settle(page, len(said))
    assert {text: answer for text, _, answer, _ in standing()} == said
    with reading() as db:
        assert len(db.scalars(select(Label.id)).all()) == len(said)


def test_five_answers_a_second_over_a_slow_and_lossy_network(visit: Any, many: Project, bob: User) -> None:
    page = visit(bob, address(many), scripts=(LOSSY, FRAMES))
    page.wait_for_selector(READY)
    slow = {"offline": False, "latency": 300, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    said: dict[str, Any] = {}
    began = time.monotonic()
    next(number for number in sitting(page, said) if number == ITEMS)
    took = time.monotonic() - began
    assert_exactly_once(page, said)
    frames = page.evaluate("window.frames_")
    times = sorted(milliseconds for milliseconds, _ in frames)
    painted = sum(is_painted for _, is_painted in frames)
    print(
        f"\n{ITEMS} items in {took:.1f} s, {page.evaluate('window.lost')} calls lost; key to painted: "
        f"median {statistics.median(times):.1f} ms, p99 {times[int(0.99 * len(times))]:.1f} ms; "
        f"{painted} of {len(frames)} in the first frame"
    )
    assert painted > 0.8 * len(frames)  # the network takes eighteen frames: nobody waited for it


def test_server_killed_errors_session_deleted_network_off_tab_closed(
    visit: Any, many: Project, bob: User, site: Site
) -> None:
    page = visit(bob, address(many), scripts=(LOSSY,))
    page.wait_for_selector(READY)
    said: dict[str, Any] = {}
    acts = sitting(page, said)

    def go_on(sixths: int) -> None:
        next(number for number in acts if number >= sixths * ITEMS // 6)

    go_on(1)
    site.kill()
    next(acts)
    site.start()
    go_on(2)
    answer_with_errors(page)
    next(acts)
    page.wait_for_function(WAITING)
    page.unroute_all(behavior="wait")
    go_on(3)
    with transaction() as db:
        db.execute(delete(SignIn))
    next(acts)
    sign_in_again(page, bob)
    go_on(4)
    page.context.set_offline(True)
    off = time.monotonic()
    next(acts)
    page.wait_for_function(WAITING)
    assert page.locator("[data-waiting] a").count() == 0  # nothing is asked of the person
    page.wait_for_timeout(max(0.0, 1000 * (off + AWAY_SECONDS - time.monotonic())))
    page.context.set_offline(False)
    go_on(5)
    page.close()  # the last answer may not even have been sent
    page = page.context.new_page()
    page.goto(address(many))
    page.wait_for_selector(READY)
    next(number for number in sitting(page, said) if number == ITEMS)
    assert_exactly_once(page, said)


def answer_with_errors(page: Any) -> None:
    """Every call fails with 503 or 500, every second of them after it was carried out."""
    calls = iter(range(10_000))

    def fail(route: Any) -> None:
        number = next(calls)
        if number % 2:
            route.fetch()
        route.fulfill(status=(503, 500)[number // 2 % 2], content_type="text/plain", body="broken")

    page.route("**/api/**", fail)


def sign_in_again(page: Any, user: User) -> None:
    """As the page asks: in another tab, which then says that it can be closed."""
    with page.expect_popup() as opened:
        page.click("[data-waiting] a")
    opened.value.fill("[name=email]", user.email)
    opened.value.fill("[name=password]", PASSWORD)
    opened.value.keyboard.press("Enter")
    opened.value.wait_for_selector("text=You are signed in again")
    opened.value.close()


def test_two_tabs_of_one_person_share_the_work(visit: Any, labelling: Project, bob: User) -> None:
    first = visit(bob, address(labelling))
    first.wait_for_selector(READY)
    second = first.context.new_page()
    second.goto(address(labelling))
    second.wait_for_selector(READY)
    sent: list[str] = []
    for page in (first, second):
        page.on("request", lambda request: sent.append(request.post_data) if request.method == "POST" else None)
    said: dict[str, Any] = {}
    sittings = [sitting(first, said), sitting(second, said)]
    for number in range(10):
        next(sittings[number % 2])
    assert_exactly_once(first, said)
    answers = [data for data in sent if "answer" in data]
    assert len(answers) == len(set(answers)) == 10


def test_a_tab_that_sends_for_another_may_be_closed(visit: Any, labelling: Project, bob: User) -> None:
    first = visit(bob, address(labelling))
    first.wait_for_selector(READY)
    second = first.context.new_page()
    second.goto(address(labelling))
    second.wait_for_selector(READY)
    first.close()
    said: dict[str, Any] = {}
    next(number for number in sitting(second, said) if number == 3)
    assert_exactly_once(second, said)


def test_where_the_browser_keeps_nothing_it_is_said_and_answers_are_sent(
    visit: Any, labelling: Project, bob: User
) -> None:
    broken = "Object.defineProperty(window, 'indexedDB', { value: undefined })"
    page = visit(bob, address(labelling), scripts=(broken,))
    page.wait_for_selector(READY)
    assert "keeps nothing" in page.inner_text("[data-waiting]")
    said: dict[str, Any] = {}
    next(number for number in sitting(page, said) if number == 2)
    assert_exactly_once(page, said)


def end_every_lease() -> None:
    """As the sweep does after a lid was closed for long."""
    with transaction() as db:
        db.execute(update(Lease).values(ends_at=present() - timedelta(minutes=1)))
        leases.end_expired(db, present())


def test_after_a_long_absence_an_item_that_somebody_else_took_is_replaced(
    visit: Any, labelling: Project, alice: User, bob: User
) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    page.wait_for_timeout(500)
    lost = shown(page)
    end_every_lease()
    with transaction() as db:
        from app.web.deps import coin

        taken = queue.claim(db, labelling, alice.id, 3, present(), coin)
        assert lost in [claim.content["text"] for claim in taken.items]
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function("lost => document.querySelector('[data-item]').innerText !== lost", arg=lost)
    assert "somebody else took" in page.inner_text("[data-waiting]")


def test_after_a_long_absence_an_item_that_nobody_took_stays(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    page.wait_for_timeout(500)
    kept = shown(page)
    end_every_lease()
    with page.expect_response("**/next?*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(200)
    assert shown(page) == kept
    page.keyboard.press("1")
    settle(page, 1)
    assert standing()[0][0] == kept


def test_several_undone_answers_are_given_again_and_earlier_ones_are_kept(
    visit: Any, labelling: Project, bob: User
) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    said: dict[str, Any] = {}
    next(number for number in sitting(page, said) if number == 3)
    page.context.set_offline(True)  # undoing asks nobody
    order = list(said)
    for text in reversed(order[1:]):
        page.keyboard.press("u")
        assert shown(page) == text
    for text in order[1:]:
        assert shown(page) == text
        page.keyboard.press("2")
        said[text] = ANSWERS["2"]
    page.context.set_offline(False)
    for _ in range(150):  # the answers before stand until their undoing arrives
        if {text: answer for text, _, answer, _ in standing()} == said:
            break
        page.wait_for_timeout(100)
    assert {text: answer for text, _, answer, _ in standing()} == said
    with reading() as db:
        ends = db.scalars(select(Label.ended_by).order_by(Label.created_at)).all()
    assert sorted(ends, key=str) == [None, None, None, "undone", "undone"]
