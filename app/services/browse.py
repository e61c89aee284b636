"""Browsing items in the order in which they came, each with the answers that stand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.models import SETTLED, UNSETTLED, Item, Label, Project, User
from app.services import skips
from app.services.upload_rows import digest_of

Only = Literal["all", "labelled", "unlabelled", "skipped"]


@dataclass
class Browsed:
    """An item and what people said of it: {"annotator", "answer", "skip_reason", "comment"}."""

    item: Item
    said: list[dict[str, Any]] = field(default_factory=list)


def items(db: Session, project: Project, only: Only, after: int, n: int) -> tuple[list[Browsed], int | None]:
    """A page of items with rows above `after`, and the last row where more follow (a keyset: no page gets slower)."""
    query = select(Item).where(Item.project_id == project.id, Item.row > after).order_by(Item.row).limit(n + 1)
    if only == "skipped":
        query = query.where(Item.id.in_(skips.passed_over(project.id)))
    elif only != "all":
        query = query.where(SETTLED if only == "labelled" else UNSETTLED)
    found = list(db.scalars(query))
    shown = {item.id: Browsed(item) for item in found[:n]}
    standing = (
        select(Label.item_id, User.name, User.email, Label.answer, Label.skip_reason, Label.comment)
        .join(User, User.id == Label.user_id)
        .where(Label.item_id.in_(shown), Label.ended_at.is_(None))
        .order_by(Label.created_at)
    )
    for item_id, name, email, answer, reason, comment in db.execute(standing):
        said = {"annotator": name or email, "answer": answer, "skip_reason": reason, "comment": comment}
        shown[item_id].said.append(said)
    return list(shown.values()), found[n - 1].row if len(found) > n else None


def ids_of(db: Session, project_id: int, rows: Sequence[int]) -> dict[int, int]:
    """The ids of a project's items by their rows."""
    ids: dict[int, int] = {}
    for start in range(0, len(rows), 500):
        part = select(Item.row, Item.id).where(Item.project_id == project_id, Item.row.in_(rows[start : start + 500]))
        ids.update((row, item_id) for row, item_id in db.execute(part))
    return ids


def shows_medium(db: Session, project: Project, sha256: str) -> bool:
    """Whether an item of this project is this image: its name alone must not open it to the members of others."""
    same = Item.content_hash == digest_of({"image": sha256})
    return bool(db.scalar(select(exists().where(Item.project_id == project.id, same))))
