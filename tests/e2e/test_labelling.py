"""Labelling in a real browser: by keyboard alone, offline, without scripts, two people at once."""

from collections import Counter
from typing import Any

from sqlalchemy import select, update

from app.db import reading, transaction
from app.models import Item, Label, Lease, Project, User
from app.services import users

READY = "[data-label-page][data-ready=yes]"


def standing() -> list[tuple[str, int, Any, str | None]]:
    """(text, person, answer, skip reason) of every label that stands, oldest first."""
    query = (
        select(Item.content, Label.user_id, Label.answer, Label.skip_reason)
        .join(Item, Item.id == Label.item_id)
        .where(Label.ended_at.is_(None))
        .order_by(Label.created_at)
    )
    with reading() as db:
        return [(content["text"], user, answer, skip) for content, user, answer, skip in db.execute(query)]


def settle(page: Any, answers: int) -> None:
    """Wait until the server has so many standing labels."""
    for _ in range(150):
        if len(standing()) == answers:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(standing())} labels, not {answers}")


def shown(page: Any) -> str:
    return str(page.inner_text("[data-item]"))


def address(project: Project) -> str:
    return f"/projects/{project.id}/label"


def press(page: Any, key: str) -> None:
    """Press a key, and wait until another item is there."""
    before = shown(page)
    page.keyboard.press(key)
    page.wait_for_function("before => document.querySelector('[data-item]').innerText !== before", arg=before)


def test_it_works(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    first = shown(page)
    press(page, "1")
    settle(page, 1)
    assert standing() == [(first, bob.id, {"class": "spam"}, None)]


def test_a_held_key_answers_one_item(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    for _ in range(5):
        page.keyboard.down("1")  # the second and later ones are repeats, as from a held key
    page.keyboard.up("1")
    page.wait_for_timeout(500)
    assert len(standing()) == 1


def test_undo_brings_the_item_back_with_its_answer_marked(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    first = shown(page)
    press(page, "1")
    settle(page, 1)
    press(page, "u")
    assert shown(page) == first
    assert page.locator(".answer.before").get_attribute("data-class") == "spam"
    settle(page, 0)
    press(page, "2")
    settle(page, 1)
    assert standing() == [(first, bob.id, {"class": "ham"}, None)]


def test_undo_reaches_past_a_reload(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    first = shown(page)
    press(page, "1")
    settle(page, 1)
    page.reload()
    page.wait_for_selector(READY)
    press(page, "Backspace")
    assert shown(page) == first


def test_a_reload_shows_the_same_item(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    press(page, "1")
    settle(page, 1)
    before = shown(page)
    page.reload()
    page.wait_for_selector(READY)
    assert shown(page) == before


def test_answers_given_without_a_network_are_sent_once_when_it_is_back(
    visit: Any, labelling: Project, bob: User
) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    page.wait_for_timeout(500)  # the next two are fetched
    page.context.set_offline(True)
    press(page, "1")
    press(page, "2")
    page.wait_for_function("() => document.querySelector('[data-waiting]').innerText.includes('2 answers wait')")
    assert standing() == []
    page.context.set_offline(False)
    settle(page, 2)
    page.wait_for_function("() => document.querySelector('[data-waiting]').innerText === ''")
    assert [answer for _, _, answer, _ in standing()] == [{"class": "spam"}, {"class": "ham"}]


def test_answers_survive_a_reload_while_they_wait(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    page.on("dialog", lambda dialog: dialog.accept())  # "leave the page?"
    page.route("**/labels*", lambda route: route.abort())
    first = shown(page)
    press(page, "1")
    page.wait_for_function("() => document.querySelector('[data-waiting]').innerText.includes('1 answer waits')")
    page.unroute("**/labels*")
    page.reload()
    settle(page, 1)
    assert standing() == [(first, bob.id, {"class": "spam"}, None)]
    page.wait_for_selector(READY)
    assert shown(page) != first


def test_an_ended_sign_in_keeps_the_answer_and_goes_on_after_a_new_one(
    visit: Any, labelling: Project, bob: User
) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    page.wait_for_timeout(500)
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.keyboard.press("1")
    page.wait_for_selector("[data-waiting] a")
    assert page.get_attribute("[data-waiting] a", "target") == "_blank"
    assert standing() == []
    page.context.add_cookies(cookies)
    settle(page, 1)


def test_nobody_sends_another_persons_answers(visit: Any, labelling: Project, alice: User, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    page.wait_for_timeout(500)
    page.context.clear_cookies()
    page.keyboard.press("1")
    page.wait_for_selector("[data-waiting] a")
    with transaction() as db:
        from tests.e2e.conftest import present

        key = users.start_sign_in(db, alice.id, present())
    page.context.add_cookies([{"name": "marginalia", "value": key, "url": page.url}])
    page.wait_for_timeout(2500)  # at least one more try
    assert standing() == []


def test_two_people_never_get_the_same_item(visit: Any, labelling: Project, alice: User, bob: User) -> None:
    pages = [visit(alice, address(labelling)), visit(bob, address(labelling))]
    for page in pages:
        page.wait_for_selector(READY)
    for number in range(4):
        for page in pages:
            press(page, "12"[number % 2])
    settle(pages[0], 8)
    texts = [text for text, *_ in standing()]
    assert len(set(texts)) == 8
    assert Counter(user for _, user, *_ in standing()) == {alice.id: 4, bob.id: 4}


def test_without_scripts_a_plain_form_answers_skips_and_undoes(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling), java_script_enabled=False)
    first = shown(page)
    page.click(".answer >> text=spam")
    second = shown(page)
    assert second != first
    page.click("summary:has-text('Skip')")
    page.click("text=Out of scope")
    assert shown(page) not in (first, second)
    assert standing() == [(first, bob.id, {"class": "spam"}, None), (second, bob.id, None, "out of scope")]
    page.click("button:has-text('Undo')")
    assert shown(page) == second
    page.click(".answer >> text=ham")
    assert standing()[1] == (second, bob.id, {"class": "ham"}, None)


def test_several_classes_by_keyboard(visit: Any, make_project: Any, bob: User) -> None:
    classes = [{"name": name} for name in ("sport", "money", "war")]
    project = make_project(["One", "Two"], task={"kind": "multilabel", "classes": classes})
    page = visit(bob, address(project))
    page.wait_for_selector(READY)
    first = shown(page)
    page.keyboard.press("3")
    page.keyboard.press("1")
    press(page, "Enter")
    settle(page, 1)
    assert standing() == [(first, bob.id, {"classes": ["sport", "war"]}, None)]
    assert page.locator("input:checked").count() == 0


def test_one_of_many_classes_is_found_by_typing(visit: Any, make_project: Any, bob: User) -> None:
    classes = [{"name": f"intent {number}"} for number in range(40)]
    project = make_project(["One", "Two"], task={"kind": "classification", "classes": classes})
    page = visit(bob, address(project))
    page.wait_for_selector(READY)
    page.keyboard.press("/")
    page.keyboard.type("ent 37")
    press(page, "Enter")
    settle(page, 1)
    assert standing()[0][2] == {"class": "intent 37"}


def test_of_many_classes_the_suggested_and_the_last_used_stand_in_front(
    visit: Any, make_project: Any, bob: User
) -> None:
    classes = [{"name": f"intent {number}"} for number in range(500)]
    project = make_project([f"Item {n}" for n in range(4)], task={"kind": "classification", "classes": classes})
    page = visit(bob, address(project))
    page.wait_for_selector(READY)
    for typed in ("37", "int 412"):  # the first that begins so: 37, not 137
        page.keyboard.press("/")
        page.keyboard.type(typed)
        press(page, "Enter")
    names = page.eval_on_selector_all(".answer", "all => all.slice(0, 4).map(one => one.dataset.class)")
    assert names == ["intent 412", "intent 37", "intent 0", "intent 1"]
    with transaction() as db:
        guess = {"answer": {"class": "intent 99"}, "confidence": 0.5}
        db.execute(update(Lease).values(suggestion=guess))
    page.reload()
    page.wait_for_selector(READY)
    assert page.locator(".answer").first.get_attribute("data-class") == "intent 99"
    settle(page, 2)
    assert sorted(answer["class"] for _, _, answer, _ in standing()) == ["intent 37", "intent 412"]


def test_unsure_and_a_comment_are_said_by_key_and_kept_with_the_answer(
    visit: Any, labelling: Project, bob: User
) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    page.keyboard.press("x")
    page.keyboard.press("c")
    page.keyboard.type("1 of 2? 🤷")  # the keys of classes are letters here
    page.keyboard.press("Enter")
    press(page, "2")
    press(page, "1")
    settle(page, 2)
    with reading() as db:
        found = db.execute(select(Label.unsure, Label.comment, Label.seconds, Label.raw_seconds)).all()
    assert [(one.unsure, one.comment) for one in found] == [(True, "1 of 2? 🤷"), (False, None)]
    assert all(0 <= one.seconds <= one.raw_seconds for one in found)


def test_time_in_which_nobody_looked_is_not_counted_as_attention(visit: Any, labelling: Project, bob: User) -> None:
    page = visit(bob, address(labelling))
    page.clock.install()
    page.reload()
    page.wait_for_selector(READY)
    page.clock.run_for(5_000)
    page.mouse.move(10, 10)
    page.clock.run_for(600_000)  # ten minutes without a sign: one counts
    page.mouse.move(20, 20)
    page.evaluate(
        "Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.clock.run_for(300_000)
    page.evaluate("delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(2_000)
    page.keyboard.press("1")
    settle(page, 1)
    with reading() as db:
        taken = db.execute(select(Label.seconds, Label.raw_seconds)).one()
    assert 66 < taken.seconds < 80
    assert 906 < taken.raw_seconds < 920


def test_one_of_my_answers_is_opened_from_the_list_and_another_takes_its_place(
    visit: Any, labelling: Project, bob: User
) -> None:
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    first = shown(page)
    press(page, "1")
    press(page, "1")
    press(page, "2")
    settle(page, 3)
    fourth = shown(page)
    page.reload()
    page.wait_for_selector(READY)
    page.keyboard.press("m")
    page.click("[data-mine-list] li:nth-child(3) button")
    assert shown(page) == first
    assert page.locator(".answer.before").get_attribute("data-class") == "spam"
    page.keyboard.press("Escape")  # as it was
    assert shown(page) == fourth
    page.click("[data-mine-list] li:nth-child(3) button")
    press(page, "2")
    assert shown(page) == fourth
    page.wait_for_function("() => document.querySelector('[data-mine-list] button').innerText.includes('ham')")
    for _ in range(100):
        if (first, bob.id, {"class": "ham"}, None) in standing():
            break
        page.wait_for_timeout(50)
    assert sorted(str(answer) for _, _, answer, _ in standing()) == ["{'class': 'ham'}"] * 2 + ["{'class': 'spam'}"]
    assert page.inner_text("[data-today]") == "3"
