"""What a labelling page loads before the first key, found by following its tags and imports as a browser does."""

import posixpath
import re
from typing import Any

import pytest

from app.models import User
from app.web.static import FOLDER, squeezed

RAW, SQUEEZED = 98_000, 38_000  # bytes; the second is what travels
WIDGETS = {
    "classification": [{"name": "spam"}, {"name": "ham"}],
    "multilabel": [{"name": "sport"}, {"name": "money"}],
    "rating": [{"name": str(step)} for step in range(6)],
    "spans": [{"name": "place"}, {"name": "person"}],
    "pairs": [{"name": "first"}, {"name": "second"}],
    "looking": [{"name": "cat"}, {"name": "dog"}],  # one class, of an image
}


def loaded_by(page: str) -> set[str]:
    """The files that this page's HTML names, and whatever they import; not what is imported on first use."""
    waiting = re.findall(r'(?:href|src|data-widget|data-view)="/static/\w+/([\w./-]+\.(?:js|css))"', page)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        code = (FOLDER / name).read_text(encoding="utf-8")
        named = re.findall(r'^(?:import|export) (?:[^;"]* from )?"(\.[^"]+)"', code, re.M)
        waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) for one in named]
    return seen


@pytest.mark.parametrize("kind", WIDGETS)
def test_the_page_loads_little(client_for: Any, make_project: Any, bob: User, kind: str) -> None:
    modality = {"pairs": "table", "looking": "image"}.get(kind, "text")
    classes, kind = WIDGETS[kind], kind.replace("looking", "classification")
    project = make_project(
        ["A mail"] if modality != "image" else [], modality=modality, task={"kind": kind, "classes": classes}
    )
    names = loaded_by(client_for(bob).get(f"/projects/{project.id}/label").text)
    assert {"app.css", "label.js", "outbox.js", "words.js", f"widgets/{kind}.js", f"views/{modality}.js"} <= names
    assert ("views/lens.js" in names) == (modality == "image")
    assert not names & {
        "parts.css",
        "beside.css",
        "mine.js",
        "settings.js",
        "keys-dialog.js",
        "widgets/finder.js",
        "views/search.js",
    }
    raw = {name: (FOLDER / name).stat().st_size for name in names}
    assert sum(raw.values()) < RAW, raw
    assert sum(len(squeezed(name, 0.0)) for name in names) < SQUEEZED
