"""The check: what must hold in every system at every moment, looked for on a live or stopped one, and mended.

Looking takes no lock: each question is one statement, or looks again before it speaks. Mending takes short
transactions, and never touches a label.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.models import Project
from app.services import invariants, invariants_disk
from app.services.findings import Finding

Look = Callable[[Session, Project, datetime], Finding | None]
Mend = Callable[[Session, Project, datetime], int]


@dataclass(frozen=True)
class Invariant:
    """How a project's invariant is looked for, and how it is mended; None where that needs a person."""

    look: Look
    mend: Mend | None = None


INVARIANTS = (
    Invariant(invariants.slots, invariants.mend_slots),
    Invariant(invariants.settled, invariants.mend_settled),
    Invariant(invariants.over_wanted),
    Invariant(invariants.counts, invariants.mend_counts),
    Invariant(invariants.leases_past_their_end, invariants.mend_leases),
    Invariant(invariants.rows),
    Invariant(invariants.queue, invariants.mend_queue),
    Invariant(invariants.rounds_past_their_end, invariants.mend_rounds),
    Invariant(invariants.encoding_in_use, invariants.mend_encoding_in_use),
    Invariant(invariants_disk.shards, invariants_disk.mend_shards),
    Invariant(invariants_disk.encoded, invariants_disk.mend_encoded),
    Invariant(invariants_disk.media),
)


def check(db: Session, now: datetime) -> list[Finding]:
    """What does not hold in any project, seen from one session; nothing is mended."""
    found = []
    for project in db.scalars(select(Project).order_by(Project.id)).all():
        for invariant in INVARIANTS:
            finding = invariant.look(db, project, now)
            if finding is not None:
                found.append(replace(finding, project_id=project.id, mendable=invariant.mend is not None))
    return found


def examine(now: datetime, mend: bool = False) -> list[Finding]:
    """Every invariant of every project, and of the store; with `mend`, those that may be put right are."""
    with reading() as db:
        projects = list(db.scalars(select(Project.id).order_by(Project.id)))
    found = [finding for project_id in projects for finding in _of_project(project_id, now, mend)]
    return found + invariants_disk.leftovers(now, mend)


def _of_project(project_id: int, now: datetime, mend: bool) -> Iterator[Finding]:
    for invariant in INVARIANTS:
        finding = _look(invariant, project_id, now)
        if finding is None:
            continue
        # Two statements that ran while people work may disagree; what is broken is still broken a moment later.
        finding = _look(invariant, project_id, now)
        if finding is None:
            continue
        finding = replace(finding, project_id=project_id, mendable=invariant.mend is not None)
        if mend and invariant.mend is not None:
            with transaction() as db:
                project = db.get(Project, project_id)
                if project is not None:
                    invariant.mend(db, project, now)
            finding = replace(finding, mended=_look(invariant, project_id, now) is None)
        yield finding


def _look(invariant: Invariant, project_id: int, now: datetime) -> Finding | None:
    with reading() as db:
        project = db.get(Project, project_id)
        return invariant.look(db, project, now) if project is not None else None


def shown(found: list[Finding], mend: bool) -> dict[str, Any]:
    """The findings as JSON: whether all holds (now), and each with what it means."""
    left = [one for one in found if not one.mended]
    return {"holds": not left, "mend": mend, "findings": [one.shown() for one in found]}
