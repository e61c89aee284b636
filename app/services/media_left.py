"""Media that a deleted project leaves: deleted a day later, where no other project shows the same bytes.

An upload of the same bytes may be under way at that moment: in a plain folder it found the file and does not write it
again. It marks the file as used, by its time; a file that was used in the last day stays, and one that is used while it
is being taken away is put back. In a bucket, which renames nothing, a medium first goes aside for another day; whoever
misses it meanwhile brings it back.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app import files, store
from app.db import reading
from app.models import Item, Project

AFTER = timedelta(days=1)
AT_ONCE = 2000  # names in a list: between two looks at what else a worker has to do
_ASIDE = "aside-"


def remember(db: Session, project: Project) -> None:
    """Write down what a project shows before it is deleted. If it is not, its lists delete nothing."""
    if project.modality == "image":
        for names in _shown(db, project):
            _list(f"{project.id}-", names)


def _list(kind: str, names: Sequence[str]) -> None:
    with store.writing(_folder() / f"{kind}{store.new_name()}.txt") as file:
        file.write("".join(f"{name}\n" for name in names).encode())


def _folder() -> Path:
    return store.root() / "left"


def _shown(db: Session, project: Project) -> Iterator[list[str]]:
    for start in range(0, project.next_row, AT_ONCE):
        query = select(Item.content).where(Item.project_id == project.id)
        page = db.scalars(query.where(Item.row >= start, Item.row < start + AT_ONCE))
        yield [content["image"] for content in page if "image" in content]


def collect(now: datetime) -> int:
    """Delete some of what lists of a day ago name and nobody shows; returns how many files that were."""
    before = (now - AFTER).timestamp()
    for name in sorted(store.names_in(_folder())):
        if name.endswith(".txt") and store.is_older(_folder() / name, before):
            return _work_off(_folder() / name, before)
    return 0


def _work_off(path: Path, before: float) -> int:
    """One list."""
    names = files.read(path).decode().split()
    for start in range(AT_ONCE, len(names), AT_ONCE):  # as earlier versions wrote them; the rest wait a day more
        _list("rest-", names[start : start + AT_ONCE])
    with reading() as db:
        projects = list(db.scalars(select(Project.id).where(Project.modality == "image")))
        if files.bucket() is None:
            gone = sum(_take(db, projects, name, before) for name in names[:AT_ONCE])
        elif path.name.startswith(_ASIDE):
            gone = sum(_finish(name, _is_shown(db, projects, name)) for name in names)
        else:
            unused = [name for name in names[:AT_ONCE] if store.is_older(store.media_path(name), before)]
            gone = _set_aside([name for name in unused if not _is_shown(db, projects, name)])
    store.delete(path)
    return gone


def _set_aside(names: Sequence[str]) -> int:
    """Out of sight, and on a list that is older when it is looked at again; the list first, or a kill would lose it."""
    if names:
        _list(_ASIDE, names)
    for name in names:
        files.copy(store.media_path(name), store.aside(name))
        store.delete(store.media_path(name))
    return 0


def _finish(name: str, is_shown: bool) -> bool:
    """A day later: back where an upload that was under way then shows it now, else for good."""
    if not store.exists(store.aside(name)):
        return False
    if is_shown and not store.exists(store.media_path(name)):
        store.bring_back(name)
    store.delete(store.aside(name))
    return not is_shown


def _take(db: Session, projects: list[int], name: str, before: float) -> bool:
    path = store.media_path(name)
    aside = store.aside(name)
    if aside.exists():  # whoever took it away was killed in the middle
        aside.rename(path)
    if not store.is_older(path, before) or _is_shown(db, projects, name):
        return False
    return _take_away(path, aside, before)


def _is_shown(db: Session, projects: list[int], name: str) -> bool:
    """By the digest of the content, which has an index in every project."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    same = exists().where(Item.project_id.in_(projects), Item.content_hash == digest)
    return bool(projects) and bool(db.scalar(select(same)))


def _take_away(path: Path, aside: Path, before: float) -> bool:
    """First out of sight, then for good: an upload that marked it in between finds it back."""
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    if not store.is_older(aside, before):
        aside.rename(path)  # over the same bytes, should somebody have written them anew
        return False
    aside.unlink(missing_ok=True)
    return True
