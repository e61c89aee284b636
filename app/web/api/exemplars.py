"""Exemplars: items that show what a class is, chosen by rounds and pinned by leads."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.db import reading, transaction
from app.services import exemplars, projects
from app.web.answers import answer
from app.web.deps import Id, SignedIn, now
from app.web.schemas import PinIn
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1/projects/{project_id}/exemplars", tags=["exemplars"], route_class=StrictRoute)
OfClass = Annotated[str | None, Query(alias="class", max_length=200)]


@router.get("")
def shown(project_id: Id, caller: SignedIn, name: OfClass = None) -> Response:
    """The exemplars of a class: pinned ones, typical ones, and near ones that its `neighbour` could be mistaken for.

    Without `class`: how many each class has. You see none of which you may still be asked.
    """
    with reading() as db:
        project, _ = projects.get(db, caller, project_id)
        found: dict[str, Any] = (
            exemplars.listed(db, project) if name is None else exemplars.of_class(db, project, caller.user_id, name)
        )
        return answer(found)


@router.post("", status_code=201)
def pin(project_id: Id, caller: SignedIn, wanted: PinIn) -> Response:
    """Show an item as an exemplar of a class, whatever rounds choose. Twice is once."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        exemplars.pin(db, project, wanted.item_id, wanted.name, now())
        return answer({"item_id": wanted.item_id, "class": wanted.name}, 201)


@router.delete("/{item_id}", status_code=204)
def unpin(project_id: Id, item_id: Id, caller: SignedIn, name: OfClass = None) -> Response:
    """Pin it no longer: to this `class`, or to any."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        exemplars.unpin(db, project, item_id, name)
        return Response(status_code=204)
