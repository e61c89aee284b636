"""A new widget is two new files and no edit: the example of docs/widgets.md, in a copy of the program."""

import re
import shutil
from pathlib import Path
from typing import Any

from app.db import transaction
from app.models import Project, User
from tests.e2e.conftest import Site
from tests.e2e.test_labelling import READY, address, press, settle, shown, standing

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_labels_by_key_click_and_swipe(
    visit: Any, site: Site, labelling: Project, bob: User, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    for folder in ("app", "static", "templates"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("demo_data", "__pycache__"))
    files = dict(re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", (ROOT / "docs" / "widgets.md").read_text(), re.M | re.S))
    assert sorted(files) == ["app/core/tasks/swipe.py", "static/widgets/swipe.js"]
    for name, code in files.items():
        assert not (copy / name).exists()
        (copy / name).write_text(code, encoding="utf-8")
    with transaction() as db:
        project = db.get_one(Project, labelling.id)
        project.task = {**project.task, "kind": "swipe"}
    site.stop()
    site.code = copy
    site.start()
    page = visit(bob, address(labelling))
    page.wait_for_selector(READY)
    press(page, "ArrowRight")
    before = shown(page)
    page.click(".answer >> text=spam")
    page.wait_for_function("before => document.querySelector('[data-item]').innerText !== before", arg=before)
    box = page.locator(".sheet").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 60)
    page.mouse.up()
    settle(page, 3)
    assert [answer["class"] for _, _, answer, _ in standing()] == ["ham", "spam", "spam"]
    press(page, "u")
    page.wait_for_selector(".answer.before")
