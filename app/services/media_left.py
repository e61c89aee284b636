"""Media that a deleted project leaves: deleted a day later, where no other project shows the same bytes.

An upload of the same bytes may be under way at that moment: it found the file and does not write it again. It marks
the file as used, by its time; a file that was used in the last day stays, and one that is used while it is being taken
away is put back.
"""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app import store
from app.db import reading
from app.models import Item, Project

AFTER = timedelta(days=1)
PAGE_ROWS = 5000
AT_ONCE = 2000  # names between two looks at what else a worker has to do


def remember(db: Session, project: Project) -> None:
    """Write down what a project shows before it is deleted. If it is not, its list deletes nothing."""
    if project.modality != "image":
        return
    with store.writing(store.folder("left") / f"{project.id}-{store.new_name()}.txt") as file:
        for names in _shown(db, project):
            file.write("".join(f"{name}\n" for name in names).encode())


def _shown(db: Session, project: Project) -> Iterator[list[str]]:
    for start in range(0, project.next_row, PAGE_ROWS):
        query = select(Item.content).where(Item.project_id == project.id)
        page = db.scalars(query.where(Item.row >= start, Item.row < start + PAGE_ROWS))
        yield [content["image"] for content in page if "image" in content]


def collect(now: datetime) -> int:
    """Delete some of what lists of a day ago name and nobody shows; returns how many files that were."""
    before = (now - AFTER).timestamp()
    for path in sorted(store.folder("left").glob("*.txt")):
        if store.is_older(path, before):
            return _work_off(path, before)
    return 0


def _work_off(path: Path, before: float) -> int:
    """The first names of a list; what is left of it keeps its age."""
    names = path.read_text().split()
    with reading() as db:
        projects = list(db.scalars(select(Project.id).where(Project.modality == "image")))
        gone = sum(_take(db, projects, name, before) for name in names[:AT_ONCE])
    if len(names) <= AT_ONCE:
        path.unlink(missing_ok=True)
        return gone
    with store.writing(path) as file:
        file.write("".join(f"{name}\n" for name in names[AT_ONCE:]).encode())
    os.utime(path, (before - 1, before - 1))
    return gone


def _take(db: Session, projects: list[int], name: str, before: float) -> bool:
    path = store.media_path(name)
    aside = _aside(path)
    if aside.exists():  # whoever took it away was killed in the middle
        aside.rename(path)
    if not store.is_older(path, before) or _is_shown(db, projects, name):
        return False
    return _take_away(path, before)


def _aside(path: Path) -> Path:
    return path.with_name(f".left-{path.name}")


def _is_shown(db: Session, projects: list[int], name: str) -> bool:
    """By the digest of the content, which has an index in every project."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    same = exists().where(Item.project_id.in_(projects), Item.content_hash == digest)
    return bool(projects) and bool(db.scalar(select(same)))


def _take_away(path: Path, before: float) -> bool:
    """First out of sight, then for good: an upload that marked it in between finds it back."""
    aside = _aside(path)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    if not store.is_older(aside, before):
        aside.rename(path)  # over the same bytes, should somebody have written them anew
        return False
    aside.unlink(missing_ok=True)
    return True
