"""Deleting a project with all that is in it.

Whoever needs several rows locks the project's first, then items in the order of their ids, then what hangs on items.
Answers lock no project against each other: their item's row is their first.
"""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import LOCK, Item, Label, Lease, Project
from app.services import media_left, upload_insert


def delete_project(db: Session, project: Project) -> None:
    """Delete a project with its items, labels and rounds. Raises NotFound where somebody else just did.

    Its arrays go with the next sweep, its images a day later, where no other project shows them.
    """
    # Uploads first: one holds the project's row half, and would wait for us to give the other half back.
    upload_insert.take_turn(db, project.id)
    # A round that is published has the project first, too, and then marks labels that would be deleted already.
    if db.scalar(select(Project.id).where(Project.id == project.id).with_for_update(**LOCK)) is None:
        raise NotFound("No such project.")
    db.refresh(project)
    media_left.remember(db, project)
    # The items before the labels, as whoever answers has it: the other way round the two would wait for each other.
    held = select(Item.id).where(Item.project_id == project.id).order_by(Item.id).with_for_update().subquery()
    db.execute(select(func.count()).select_from(held))
    db.execute(delete(Label).where(Label.project_id == project.id))
    db.execute(delete(Lease).where(Lease.project_id == project.id))
    db.execute(delete(Project).where(Project.id == project.id))
