"""A simulation in a real browser: asked for by clicks, followed as it runs, read on a phone."""

from typing import Any

import pytest
import torch
from sqlalchemy import select

from app.db import reading, transaction
from app.models import Item, Project, Simulation, User
from app.services import simulation_work
from workers import tasks

TEXTS = [f"{word} {number}" for number in range(20) for word in ("buy cheap pills", "lunch with grandmother")]


@pytest.fixture
def known(make_project: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    """40 items with hidden truth, encoded; each slice of a simulation is one replay."""
    torch.set_num_threads(1)
    monkeypatch.setattr(simulation_work, "SLICE_SECONDS", 0.0)
    project: Project = make_project(TEXTS, recipe={"encoder": {"name": "hashed_ngrams"}})
    with transaction() as db:
        for item in db.scalars(select(Item)):
            item.truth = {"class": "spam" if "pills" in item.content["text"] else "ham"}
    tasks.run_encoding(project.id)
    return project


def test_it_is_asked_for_by_clicks_and_shows_itself_while_it_runs(visit: Any, known: Project, alice: User) -> None:
    page = visit(alice, f"/projects/{known.id}")
    page.click("nav.tabs >> text=Simulate")
    page.fill("#seeds", "3")
    page.fill("#labels", "20")
    page.click("main button:has-text('Simulate')")
    page.wait_for_selector("text=Waiting for a worker")
    for _ in range(4):
        tasks.run_simulation(known.id)
    page.wait_for_selector("text=4 of 9 replays are finished")
    page.wait_for_selector(".curves-wide svg")
    while _is_open():
        tasks.run_simulation(known.id)
    page.wait_for_selector("[data-state=done]")
    assert "labels by auto" in page.inner_text(".verdict")
    page.click("text=The curves as a table")
    assert page.locator("details table tbody tr").count() == 21


def _is_open() -> bool:
    with reading() as db:
        return db.scalars(select(Simulation).where(Simulation.state == "open")).first() is not None


def test_it_is_stopped_by_a_click(visit: Any, known: Project, alice: User) -> None:
    page = visit(alice, f"/projects/{known.id}/simulate")
    page.click("main button:has-text('Simulate')")
    page.click("text=Stop")
    page.wait_for_selector("text=It was stopped before a replay was finished")
    assert not _is_open()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_both_themes(visit: Any, known: Project, alice: User, scheme: str) -> None:
    page = visit(alice, f"/projects/{known.id}/simulate", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.click("main button:has-text('Simulate')")
    page.wait_for_selector("text=Waiting for a worker")
    for _ in range(3):
        tasks.run_simulation(known.id)
    page.wait_for_selector(".curves-narrow svg", state="visible")
    assert not page.locator(".curves-wide").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    colour = page.evaluate("getComputedStyle(document.querySelector('.curves-narrow .line.s0')).stroke")
    assert colour == {"light": "rgb(61, 70, 184)", "dark": "rgb(169, 177, 255)"}[scheme]
