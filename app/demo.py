"""The demo: two projects of real data and three accounts, made at the first start and found again at every other."""

import lzma
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from app.settings import Settings, current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

DATA = Path(__file__).with_name("demo_data")
LEAD = "lead@demo.example"
PEOPLE = {LEAD: "Demo lead", "anna@demo.example": "Anna", "ben@demo.example": "Ben"}


@dataclass(frozen=True)
class Project:
    """One demo project: its fields, as a person would send them, and the file with its items and their truth."""

    name: str
    modality: str
    classes: list[dict[str, str]]
    guidelines: str
    file: str
    mapping: dict[str, str]


MAILS = Project(
    name="Spam in the mailbox",
    modality="text",
    classes=[
        {"name": "spam", "color": "#d9730d", "key": "1", "description": "Sent to many who never asked for it."},
        {"name": "not spam", "color": "#3b6fd4", "key": "2", "description": "From a person, a list or a service."},
    ],
    guidelines="""## Is this mail spam?

Answer for the person who received it, early in this century.

- **spam**: advertising, fraud and chain letters that nobody asked for.
- **not spam**: personal mail, mailing lists, newsletters and notices that somebody subscribed to, even dull ones.

Long mails are cut after about 1,500 characters. If you cannot tell, *skip*, and say why.
""",
    file="mails.jsonl.xz",
    mapping={"text": "text", "label": "label", "external_id": "id"},
)
CLIP_ART = Project(
    name="What the drawing shows",
    modality="image",
    classes=[
        {"name": "people", "color": "#3b6fd4", "key": "1", "description": "Persons, faces, hands, figures."},
        {"name": "transportation", "color": "#d9730d", "key": "2", "description": "Whatever carries people or goods."},
        {"name": "food", "color": "#2f8f5b", "key": "3", "description": "To eat or to drink, also raw."},
        {"name": "animals", "color": "#c2416b", "key": "4", "description": "Real or imagined."},
        {"name": "tools", "color": "#7a5bd0", "key": "5", "description": "For work with the hands."},
        {"name": "office", "color": "#9a7b0a", "key": "6", "description": "For a desk: paper, pens, folders."},
        {"name": "plants", "color": "#0e8fa3", "key": "7", "description": "Trees, flowers, leaves; not on a plate."},
        {"name": "buildings", "color": "#b5482e", "key": "8", "description": "Houses, towers, bridges, rooms."},
    ],
    guidelines="""## What does the drawing show?

Choose what the drawing is *of*, not everything that is in it. A man on a bicycle is **people** if the man is
the point, **transportation** if the bicycle is.

- An apple is **food**; an apple tree is a **plant**.
- Scissors on a desk are **office**; a saw is a **tool**.

Drawings of nothing in the list: *skip*, and say what you saw.
""",
    file="clipart.zip",
    mapping={"label": "folder"},
)


def own_settings(settings: Settings) -> Settings:
    """The settings with a place of its own in whatever is shared.

    Two demos on one Redis must not take each other's jobs, and the arrays of one database mean nothing to another.
    """
    if settings.database_url:
        name = f"database-{sha256(settings.database_url.encode()).hexdigest()[:8]}"
        os.environ["MARGINALIA_DATA_DIR"] = str(settings.data_dir.absolute() / name)
    if "redis_prefix" not in settings.model_fields_set:
        place = os.environ.get("MARGINALIA_DATA_DIR", str(settings.data_dir.absolute()))
        os.environ["MARGINALIA_REDIS_PREFIX"] = f"demo-{sha256(place.encode()).hexdigest()[:8]}"
    current.cache_clear()
    return current()


def load(say: Callable[[str], None]) -> list[str]:
    """Make what is missing; return the lines that tell how to sign in."""
    from app.db import transaction

    now = datetime.now(UTC)
    passwords = _read_passwords()
    with transaction() as db:
        _forget_strangers(db)
        for email, name in PEOPLE.items():
            passwords[email] = _account(db, email, name, passwords.get(email), now)
        _keep_passwords(passwords)
    for project in (MAILS, CLIP_ART):
        with transaction() as db:
            _create(db, project, now, say)
    width = max(map(len, passwords))
    return ["Sign in as", *(f"  {email:<{width}}  {password}" for email, password in passwords.items())]


def _sign_in_file() -> Path:
    return current().data_dir.absolute() / "demo-sign-in.txt"


def _read_passwords() -> dict[str, str]:
    path = _sign_in_file()
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = dict(line.split() for line in lines if len(line.split()) == 2)
    return {email: known[email] for email in PEOPLE if email in known}


def _keep_passwords(passwords: Mapping[str, str]) -> None:
    """Written before the accounts are committed: a password too many does no harm, one too few locks people out."""
    from app.store import writing

    with writing(_sign_in_file()) as file:  # readable by its owner only, from its first moment
        file.write("".join(f"{email} {password}\n" for email, password in passwords.items()).encode())


def _forget_strangers(db: "Session") -> None:
    """Arrays that a database before this one left belong to projects that had the same numbers."""
    from sqlalchemy import select

    from app import models, store

    if db.scalar(select(models.Project.id).limit(1)) is None:
        store.forget_arrays()


def _account(db: "Session", email: str, name: str, password: str | None, now: datetime) -> str:
    """The password with which this person can sign in from now on."""
    from argon2 import PasswordHasher
    from sqlalchemy import select

    from app.models import User
    from app.services import users

    user = db.scalar(select(User).where(User.email == email))
    if user is not None and password is not None:
        return password
    password = password or secrets.token_urlsafe(9)
    if user is None:
        users.add_user(db, email, name, password, email == LEAD, now)
    else:  # the database outlived the data directory, and with it the file of passwords
        user.password_hash = PasswordHasher().hash(password)
    return password


def _create(db: "Session", project: Project, now: datetime, say: Callable[[str], None]) -> None:
    """Create a project with its members and items, all in one transaction, unless it is there."""
    import numpy as np
    from sqlalchemy import select

    from app import models
    from app.services import projects, uploads, users

    lead = users.by_email(db, LEAD)
    mine = select(models.Project.id).where(models.Project.created_by == lead.id, models.Project.name == project.name)
    if db.scalar(mine) is not None:
        return
    made = projects.create_project(db, users.caller(lead), _fields(project), now)
    for email in PEOPLE:
        if email != LEAD:
            projects.add_member(db, made, email, "annotator", now)
    mapping = uploads.Mapping(**project.mapping, label_as="truth")  # type: ignore[arg-type]  # columns is not among them
    rng = np.random.default_rng(made.id)
    with _unpacked(DATA / project.file) as path:
        result = uploads.import_file(db, made, lead.id, path, path.name, mapping, "refuse", now, rng)
    say(f"Loaded {result.added:,} items into “{project.name}”.")


def _fields(project: Project) -> dict[str, Any]:
    return {
        "name": project.name,
        "modality": project.modality,
        "task": {"kind": "classification", "classes": project.classes},
        "recipe": {"show_suggestions": True},
        "guidelines": project.guidelines,
    }


@contextmanager
def _unpacked(path: Path) -> "Iterator[Path]":
    """The file itself, or what it holds where it is packed with xz."""
    if path.suffix != ".xz":
        yield path
        return
    with TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        with lzma.open(path) as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file)
        yield plain
