"""Pools for the load driver: a project with any number of items and a long queue, written straight to the database."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from random import Random
from typing import Any, cast

from sqlalchemy import Table, insert, select, update

from app.db import Database
from app.models import Item, Member, Project, QueueRow, Round, User
from app.services import bulk, projects, users
from tests.loop.data import WORDS

CHUNK = 20_000
NAMES = ("row", "external_id", "content", "content_hash", "key")
_ITEM = cast(Table, Item.__table__)


def make(database: Database, people: int, items: int, queue: int) -> tuple[int, list[str]]:
    """A project of so many short texts whose published queue asks the first `queue` of them; and a token a person."""
    now = datetime.now(UTC)
    with database.turn, database.write_session.begin() as db:
        lead = db.scalars(select(User).where(User.is_admin)).first()
        lead = lead or users.add_user(db, "lead@example.org", "lead", "a long password", True, now)
        fields = {
            "name": f"{items} items",
            "modality": "text",
            "task": {"kind": "classification", "classes": [{"name": "yes"}, {"name": "no"}]},
        }
        project = projects.create_project(db, users.caller(lead), fields, now)
        tokens = [_member(db, project.id, number, now) for number in range(people)]
        project_id = project.id
    with database.turn, database.write_session.begin() as db:
        same = {"project_id": project_id, "slots": 1, "created_at": now}
        with bulk.growing(db, _ITEM, items):
            for chunk in _chunks(items):
                bulk.insert_rows(db, _ITEM, NAMES, chunk, same)
        db.execute(update(Project).where(Project.id == project_id).values(next_row=items))
    with database.turn, database.write_session.begin() as db:
        _publish(db, project_id, min(queue, items), now)
    return project_id, tokens


def _member(db: Any, project_id: int, number: int, now: datetime) -> str:
    email = f"annotator{number}@example.org"
    user = db.scalar(select(User).where(User.email == email))
    if user is None:
        user = User(email=email, name=email, password_hash="", is_admin=False, created_at=now)
        db.add(user)
        db.flush()
    db.add(Member(project_id=project_id, user_id=user.id, role="annotator", created_at=now))
    return users.create_token(db, user.id, "benchmark", "all", None, now)


def _chunks(items: int) -> Iterator[list[tuple[Any, ...]]]:
    rng = Random(items)
    for start in range(0, items, CHUNK):
        yield [_item(row, rng) for row in range(start, min(start + CHUNK, items))]


def _item(row: int, rng: Random) -> tuple[Any, ...]:
    text = " ".join([*rng.choices(WORDS, k=8), str(row)])
    digest = blake2b(text.encode(), digest_size=16).digest()
    return row, f"row{row}", json.dumps({"text": text}), digest, rng.random()


def _publish(db: Any, project_id: int, queue: int, now: datetime) -> None:
    made = Round(
        project_id=project_id, number=1, state="published", opened_at=now, published_at=now, seed=1, recipe={},
        pool_size=queue, queue_size=queue, strategy="margin",
    )  # fmt: skip
    db.add(made)
    db.flush()
    ids = db.scalars(select(Item.id).where(Item.project_id == project_id).order_by(Item.row).limit(queue)).all()
    rows = [
        {"round_id": made.id, "rank": rank, "item_id": item, "score": 1.0, "reason": "Margin 0.02",
         "suggestion": {"class": "yes", "confidence": 0.5}}
        for rank, item in enumerate(ids)
    ]  # fmt: skip
    for start in range(0, len(rows), CHUNK):
        db.execute(insert(QueueRow), rows[start : start + CHUNK])
    db.get_one(Project, project_id).queue_round_id = made.id
