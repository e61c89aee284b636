"""Help beside the item, in a real browser: why it is asked, exemplars, and what moved the model."""

import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.db import reading
from app.models import Explanation, Pin, Project, User
from tests.e2e.test_accessible import found
from tests.e2e.test_labelling import READY, address, press
from tests.services.test_exemplars import TEXTS, answer
from workers import tasks


def work_out() -> None:
    """Be the worker, once: as soon as something is asked for."""
    for _ in range(100):
        with reading() as db:
            waiting = db.scalars(select(Explanation.id).where(Explanation.state == "waiting")).all()
        if waiting:
            tasks.explain(waiting[0])
            return
        time.sleep(0.05)
    raise AssertionError("nobody asked")


def learned(make_project: Any, bob: User) -> Project:
    classes = [{"name": "spam", "description": "Nobody asked for it"}, {"name": "ham"}]
    recipe = {"encoder": {"name": "hashed_ngrams"}, "random_share": 0.0}
    project: Project = make_project(TEXTS, task={"kind": "classification", "classes": classes}, recipe=recipe)
    tasks.run_encoding(project.id)
    answer(project, bob, 12)
    tasks.run_round(project.id)
    return project


def test_a_person_is_helped_and_a_lead_pins(visit: Any, make_project: Any, bob: User, alice: User) -> None:
    project = learned(make_project, bob)
    page = visit(bob, address(project), locale="de-DE")
    page.wait_for_selector(READY)
    assert "zögert hier und bei ähnlichen Einträgen zwischen" in page.inner_text("[data-why]")

    page.keyboard.press("w")
    page.wait_for_selector("[data-moved]:has-text('Wird ermittelt')")
    work_out()
    page.wait_for_selector("[data-moved] li:has-text('+')")
    text, listed = page.inner_text("[data-item]"), page.locator("[data-moved] bdi").all_inner_texts()
    assert set(listed) & set(text.split())
    assert page.evaluate("[...CSS.highlights.get('moved-for')].some(range => range.toString().length > 2)")
    assert page.inner_text("[data-item]") == text
    assert found(page) == []
    page.keyboard.press("w")
    page.wait_for_selector("[data-moved]", state="hidden")
    page.keyboard.press("w")
    page.wait_for_selector("[data-moved] li")  # it was worked out before
    press(page, "1")
    assert page.is_hidden("[data-moved]")

    page.keyboard.press("g")
    page.click("[data-examples=spam] summary")
    page.wait_for_selector("[data-examples=spam] .exemplar")
    assert all("pills" in one for one in page.locator("[data-examples=spam] .exemplar").all_inner_texts())
    assert page.locator("[data-examples=spam] button").count() == 0
    assert found(page) == []

    page = visit(alice, address(project), viewport={"width": 390, "height": 800}, color_scheme="dark")
    page.wait_for_selector(READY)
    page.keyboard.press("g")
    page.click("[data-examples=ham] summary")
    page.click("[data-examples=ham] button:has-text('Pin')")
    page.wait_for_selector("[data-examples=ham] li:first-child:has-text('Pinned by the lead')")
    with reading() as db:
        assert [(one.class_name, one.created_at < datetime.now(UTC)) for one in db.scalars(select(Pin))] == [
            ("ham", True)
        ]
    assert found(page) == []
    page.click("[data-examples=ham] button:has-text('Unpin')")
    page.wait_for_selector("[data-examples=ham] li:has-text('Pinned')", state="detached")
