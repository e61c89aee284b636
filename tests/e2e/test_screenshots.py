"""The pictures in docs/screenshots: drawn anew by `make screenshots`, to be looked at before they are kept."""

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, update

from app.db import transaction
from app.models import Item, Lease, Project, User
from tests.e2e.test_labelling import READY, address

FOLDER = os.environ.get("MARGINALIA_SCREENSHOTS")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="make screenshots draws them")
SIZES = {390: 844, 1280: 800, 1920: 1080}
TEXTS = [
    "I still have not received my new card, it has been two weeks now. Can you tell me where it is?",
    "Why was I charged twice at the same shop yesterday?",
    "The app says that my top-up failed, but the money has left my bank account.",
    "Please tell me the exchange rate for Norwegian crowns.",
]
STORY = (
    "Ada Lovelace met Charles Babbage in London in June 1833. She was seventeen, and he showed her the unfinished "
    "Difference Engine in his house at Marylebone. Ten years later her notes on a paper by Luigi Menabrea of Turin, "
    "printed in Geneva, held what is often called the first program."
)
INTENTS = [
    {"name": "card arrival", "description": "Asks where a card is that was ordered"},
    {"name": "charged twice", "description": "One purchase, two charges"},
    {"name": "top-up failed", "description": "Money was sent and did not arrive"},
    {"name": "exchange rate", "description": "Asks for a rate, or says it was wrong"},
]
PLACES = [{"name": "person"}, {"name": "place"}, {"name": "time"}]
GUIDE = "Choose what the person **wants**, not what went wrong.\n\n- In doubt between two, take the more specific one."


def shoot(page: Any, name: str, whole: bool = False) -> None:
    """The page as it stands, in all widths, light and dark; `whole`: to its foot."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
            drawn = Image.open(BytesIO(page.screenshot(full_page=whole)))
            few = drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE)  # a third of the bytes
            few.save(Path(str(FOLDER)) / f"{name}-{width}-{scheme}.png", optimize=True)


def opened(visit: Any, project: Project, user: User, **options: Any) -> Any:
    page = visit(user, address(project), **options)
    page.wait_for_selector(READY)
    return page


def test_one_class_with_a_suggestion(visit: Any, make_project: Any, bob: User) -> None:
    task = {"kind": "classification", "classes": INTENTS}
    project = make_project(TEXTS, name="Bank messages", task=task, guidelines=GUIDE)
    page = opened(visit, project, bob)
    with transaction() as db:  # as after a round
        guess = {"answer": {"class": "card arrival"}, "confidence": 0.62}
        how = {"suggestion": guess, "chosen_by": "queue", "reason": "Hesitates between card arrival and top-up failed"}
        db.execute(update(Lease).values(**how))
    page.reload()
    page.wait_for_selector(READY)
    shoot(page, "label-class")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("1")
    page.keyboard.press("2")
    page.keyboard.press("m")
    page.wait_for_selector("[data-mine-list] button")
    shoot(page, "label-mine")


def test_spans(visit: Any, make_project: Any, bob: User) -> None:
    project = make_project([STORY], name="Lives", task={"kind": "spans", "classes": PLACES})
    page = opened(visit, project, bob)
    for words, key in (("Ada Lovelace", "1"), ("Charles Babbage", "1"), ("London", "2"), ("June 1833", "3")):
        from tests.e2e.test_widgets import SELECT

        page.evaluate(SELECT, words)
        page.keyboard.press(key)
    shoot(page, "label-spans")


def test_a_rating_in_arabic(visit: Any, make_project: Any, bob: User) -> None:
    scale = [{"name": str(step)} for step in range(6)]
    text = "كانت الغرفة نظيفة والإفطار ممتازًا، لكن الضجيج من الشارع لم يتوقف طوال الليل."
    project = make_project([text], name="الفنادق", task={"kind": "rating", "classes": scale})
    shoot(opened(visit, project, bob, locale="ar"), "label-rating-arabic")


def test_two_things_side_by_side(visit: Any, make_project: Any, bob: User) -> None:
    task = {"kind": "pairs", "classes": [{"name": "first"}, {"name": "second"}, {"name": "equal"}]}
    project = make_project(["-"], name="Which is clearer?", modality="table", task=task)
    with transaction() as db:
        item = db.scalars(select(Item)).one()
        item.content = {"columns": {"first": TEXTS[0], "second": TEXTS[2] + " " + TEXTS[1]}}
    shoot(opened(visit, project, bob), "label-pairs")
