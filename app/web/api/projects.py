"""/projects and their members."""

from typing import Any

from fastapi import APIRouter, Body, Response

from app.db import reading, transaction
from app.models import Project
from app.services import deleting, projects
from app.web.answers import answer
from app.web.deps import Id, SignedIn, now
from app.web.schemas import MemberIn, ProjectOut
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1/projects", tags=["projects"], route_class=StrictRoute)

NEW = {
    "name": "Support mails",
    "modality": "text",
    "task": {"kind": "classification", "classes": [{"name": "refund"}, {"name": "other"}]},
    "recipe": {"votes_wanted": 1, "random_share": 0.1},
    "guidelines": "Choose **refund** when money is to go back.",
}


def shown(project: Project, role: str) -> dict[str, Any]:
    """A project as its members see it; the recipe is the lead's business."""
    return {
        "id": project.id,
        "name": project.name,
        "modality": project.modality,
        "task": project.task,
        "recipe": project.recipe if role == "lead" else None,
        "guidelines": project.guidelines,
        "role": role,
        "items": project.next_row,
        "created_at": project.created_at,
    }


@router.post("", status_code=201, responses={201: {"model": ProjectOut}}, response_model=None)
def create(caller: SignedIn, fields: dict[str, Any] = Body(examples=[NEW])) -> Response:  # noqa: B008  # FastAPI's form
    """Create a project: name, modality (text, image, table) and task; recipe and guidelines have good defaults."""
    with transaction() as db:
        project = projects.create_project(db, caller, fields, now())
        return answer(shown(project, "lead"), 201)


@router.get("")
def listed(caller: SignedIn) -> Response:
    """The projects that you may see, newest first."""
    with reading() as db:
        found = [vars(one) for one in projects.list_projects(db, caller)]
        return answer({"projects": found})


@router.get("/{project_id}", responses={200: {"model": ProjectOut}}, response_model=None)
def one(project_id: Id, caller: SignedIn) -> Response:
    """One project."""
    with reading() as db:
        return answer(shown(*projects.get(db, caller, project_id)))


@router.patch("/{project_id}", responses={200: {"model": ProjectOut}}, response_model=None)
def change(
    project_id: Id,
    caller: SignedIn,
    fields: dict[str, Any] = Body(examples=[{"recipe": {"random_share": 0.2}}]),  # noqa: B008
) -> Response:
    """Change name, task, recipe or guidelines; a recipe's fields that are not named stay as they are."""
    with transaction() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        return answer(shown(projects.change_project(db, project, fields), role))


@router.delete("/{project_id}", status_code=204)
def delete(project_id: Id, caller: SignedIn) -> Response:
    """Delete a project with its items, labels and rounds. There is no way back."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        deleting.delete_project(db, project)
        return Response(status_code=204)


@router.get("/{project_id}/members")
def members(project_id: Id, caller: SignedIn) -> Response:
    """Who may do what."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return answer({"members": [vars(member) for member in projects.members(db, project)]})


@router.post("/{project_id}/members", status_code=201)
def add_member(project_id: Id, caller: SignedIn, member: MemberIn) -> Response:
    """Let somebody who has an account in, or change their role."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return answer(vars(projects.add_member(db, project, member.email, member.role, now())), 201)


@router.delete("/{project_id}/members/{user_id}", status_code=204)
def remove_member(project_id: Id, user_id: Id, caller: SignedIn) -> Response:
    """Take somebody's role away; their labels stay."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        projects.remove_member(db, project, user_id)
        return Response(status_code=204)
