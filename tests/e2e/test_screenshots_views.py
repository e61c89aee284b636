"""The pictures of each widget and view that test_screenshots.py leaves, for `make screenshots`."""

import io
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from app import store
from app.db import transaction
from app.models import Lease, Project, User
from tests.e2e.test_labelling import READY, address
from tests.e2e.test_screenshots import FOLDER, GUIDE, INTENTS, STORY, TEXTS, opened, shoot
from tests.e2e.test_views import holding, talk_of

pytestmark = pytest.mark.skipif(FOLDER is None, reason="make screenshots draws them")
TALK = [
    {"role": "customer", "text": "Hello! I ordered a new card two weeks ago, and it still has not come."},
    {"role": "agent", "text": "I am sorry to hear that. May I ask which address it was sent to?"},
    {
        "role": "customer",
        "text": "The one in Geneva, I think. I have moved to Turin since then, and told you so in May.",
    },
    {"role": "agent", "text": "Thank you. We send another one to Turin today; the old one is blocked."},
    {"role": "customer", "text": "That was quick. Will it cost me anything?"},
]
ROW = {
    "customer": "Ada Lovelace",
    "since": 1843,
    "plan": "Metal",
    "balance": 1815.12,
    "complaints": 3,
    "blocked": False,
    "site": "https://example.org/accounts/1815",
    "last call": None,
    "notes": (STORY + " ") * 3,
}
RATES = {
    "answer": {"rating": 4},
    "confidence": 0.46,
    "expected": 3.62,
    "probabilities": [0.01, 0.03, 0.1, 0.25, 0.46, 0.15],
}


def cells() -> dict[str, Any]:
    """What could be seen through a microscope: stained cells, in the store."""
    rng = np.random.default_rng(4)
    height, width = 1200, 1800
    y, x = np.mgrid[:height, :width].astype(np.float32)
    dye = np.zeros((height, width, 3), np.float32)
    for _ in range(70):
        cx, cy, size, turn = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(45, 95), rng.uniform(0, 3)
        u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / (size * rng.uniform(0.75, 1.3))
        v = ((y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)) / size
        body, kernel = (
            (1 - np.tanh(7 * (np.hypot(u, v) - 1))) / 2,
            (1 - np.tanh(12 * (np.hypot(u - 0.1, v) - 0.42))) / 2,
        )
        dye += body[..., None] * [26, 70, 34] + kernel[..., None] * [70, 92, 18]
    drawn = Image.fromarray((np.array([246, 232, 240]) - dye).clip(30, 255).astype(np.uint8))
    stream = io.BytesIO()
    drawn.save(stream, "PNG")
    name = sha256(stream.getvalue()).hexdigest()
    store.keep_medium(name, stream.getvalue())
    return {"image": name, "media_type": "image/png", "width": width, "height": height}


def suggested(page: Any, project: Project, suggestion: dict[str, Any]) -> None:
    """As after a round."""
    with transaction() as db:
        how = {"suggestion": suggestion, "chosen_by": "queue", "reason": "Model is unsure"}
        db.execute(update(Lease).where(Lease.project_id == project.id).values(**how))
    page.reload()
    page.wait_for_selector(READY)


def test_an_image(visit: Any, make_project: Any, bob: User) -> None:
    classes = [{"name": "healthy"}, {"name": "infected"}, {"name": "not sure which"}]
    task = {"kind": "classification", "classes": classes}
    page = opened(visit, holding(make_project, [cells()], name="Cells", modality="image", task=task), bob)
    page.wait_for_function("document.querySelector('[data-item] img').naturalWidth > 0")
    shoot(page, "label-image")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("z")
    page.keyboard.press("b")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    shoot(page, "label-image-closer")


def test_a_conversation(visit: Any, make_project: Any, bob: User) -> None:
    task = {"kind": "classification", "classes": INTENTS}
    shoot(opened(visit, holding(make_project, [talk_of(TALK)], name="Calls", task=task), bob), "label-conversation")


def test_a_row(visit: Any, make_project: Any, bob: User) -> None:
    task = {"kind": "classification", "classes": [{"name": "stays"}, {"name": "leaves"}]}
    project = holding(make_project, [{"columns": ROW}], name="Accounts", modality="table", task=task)
    shoot(opened(visit, project, bob), "label-row")


def test_search_in_a_long_text(visit: Any, make_project: Any, bob: User) -> None:
    task = {"kind": "multilabel", "classes": [{"name": name} for name in ("history", "science", "travel", "letters")]}
    page = opened(visit, make_project(["\n\n".join([STORY] * 4)], name="Lives", task=task), bob)
    page.keyboard.press("2")
    page.keyboard.press("t")
    page.wait_for_selector(".search-bar input:focus")
    page.keyboard.type("babbage")
    shoot(page, "label-search")


def test_a_rating(visit: Any, make_project: Any, bob: User) -> None:
    scale = [{"name": str(step)} for step in range(6)]
    project = make_project([TEXTS[0]], name="How urgent?", task={"kind": "rating", "classes": scale})
    page = opened(visit, project, bob)
    suggested(page, project, RATES)
    shoot(page, "label-rating")


def test_many_classes(visit: Any, make_project: Any, bob: User) -> None:
    kinds = ("arrival", "lost", "limits", "fees", "refund", "pin", "top-up", "exchange", "transfer", "identity", "age")
    names = [f"{kind}, {where}" for where in ("card", "account", "app", "shop", "abroad") for kind in kinds]
    task = {"kind": "classification", "classes": [{"name": name} for name in names]}
    project = make_project([TEXTS[2]], name="Bank messages", task=task)
    page = opened(visit, project, bob)
    suggested(page, project, {"answer": {"class": "top-up, app"}, "confidence": 0.41})
    shoot(page, "label-many")


def test_dialogs(visit: Any, make_project: Any, bob: User) -> None:
    task = {"kind": "classification", "classes": INTENTS}
    project = make_project(TEXTS, name="Bank messages", task=task, guidelines=GUIDE)
    page = visit(bob, address(project))
    page.wait_for_selector(READY)
    for key, name in (("?", "keys"), (",", "settings")):
        page.keyboard.press(key)
        page.wait_for_selector(f"dialog[data-{name}][open]")
        shoot(page, f"label-{name}")
        page.keyboard.press("Escape")
