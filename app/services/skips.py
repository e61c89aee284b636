"""What people passed over, and why: a signal for the model and for the lead, and no answer."""

from typing import Any

from sqlalchemy import Select, distinct, func, select
from sqlalchemy.orm import Session

from app.models import Label, Project
from app.services import tally

OUT_OF_SCOPE = "out of scope"
BROKEN = "broken"
# The reasons that say: this item does not belong here. What resembles such items is asked last.
FOREIGN = (OUT_OF_SCOPE, BROKEN)
MOST_REASONS = 20  # over the API people may say what they like


def reasons(db: Session, project: Project) -> list[dict[str, Any]]:
    """Each reason that stands, the most frequent first: {"reason", "skips", "items", "is_foreign"}."""
    if not tally.of_project(db, project.id).skips:
        return []  # a project without skips is not searched for some
    counts = (
        select(Label.skip_reason, func.count().label("skips"), func.count(distinct(Label.item_id)))
        .where(Label.project_id == project.id, *_STANDING)
        .group_by(Label.skip_reason)
        .order_by(func.count().desc(), Label.skip_reason)
        .limit(MOST_REASONS)
    )
    return [
        {"reason": reason, "skips": skips, "items": items, "is_foreign": reason in FOREIGN}
        for reason, skips, items in db.execute(counts)
    ]


def passed_over(project_id: int) -> Select[int]:
    """The ids of the items that somebody has passed over."""
    return select(Label.item_id).where(Label.project_id == project_id, *_STANDING)


_STANDING = (Label.ended_at.is_(None), Label.answer.is_(None))
