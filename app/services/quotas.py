"""Quotas: how much a project may hold by the settings, how much it does, and the refusal of what is too much."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import BadInput
from app.models import Project, Upload
from app.services.upload_spool import Checked
from app.settings import current


@dataclass(frozen=True)
class Held:
    """What a project holds: items, and their bytes, images as sent and others as kept."""

    items: int
    bytes: int


def held(db: Session, project: Project) -> Held:
    """What a project holds. What was added before bytes were counted counts none."""
    total = db.scalar(select(func.sum(Upload.bytes)).where(Upload.project_id == project.id))
    return Held(project.next_row, int(total or 0))


def told(db: Session, project: Project) -> list[dict[str, Any]]:
    """The quotas that are set: {"setting", "unit", "held", "most"}."""
    return _told(held(db, project))


def _told(there: Held) -> list[dict[str, Any]]:
    wanted = current()
    both = (
        ("quota_items", "items", there.items, wanted.quota_items),
        ("quota_bytes", "bytes", there.bytes, wanted.quota_bytes),
    )
    return [dict(zip(("setting", "unit", "held", "most"), one, strict=True)) for one in both if one[-1]]


def refuse_beyond(checked: Checked, there: Held | None) -> None:
    """Raise BadInput where the rows that would be added, with what is there, are more than the settings allow.

    What adds nothing is never too much: a file may be sent again to a project that is full. there: None where that is
    not known yet; then only what no project may hold is refused.
    """
    said, errors = [], []
    for one in _told(there or Held(0, 0)):
        more = checked.good if one["unit"] == "items" else checked.good_bytes
        if more and one["held"] + more > one["most"]:
            has = f"{one['held']:,} of {one['most']:,}" if there else f"at most {one['most']:,}"
            said.append(f"It holds {has} {one['unit']}, and the file adds {more:,}.")
            errors.append({"field": one["setting"], "error": f"{one['most']:,} {one['unit']} a project"})
    if errors:
        raise BadInput(f"The project's quota is too small for this file. {' '.join(said)}", errors=errors, added=0)
