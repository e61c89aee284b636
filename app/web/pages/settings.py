"""The page /projects/{id}/settings: name, guidelines, classes, recipe, and the end of a project."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.core import tasks
from app.db import reading, transaction
from app.errors import BadInput, Conflict, Refusal
from app.models import Project
from app.services import deleting, projects
from app.services.users import Caller
from app.web.deps import Id, SignedIn
from app.web.pages.assets import colors_url
from app.web.pages.create import rooms
from app.web.pages.forms import Form, back_to, classes_of, recipe_of, said, text
from app.web.render import page

router = APIRouter(include_in_schema=False)


@router.get("/projects/{project_id}/settings")
def show(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """The settings as they are."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        return _form(request, caller, project, role, {}, None)


@router.post("/projects/{project_id}/settings")
def change(request: Request, caller: SignedIn, project_id: Id, form: Form) -> Response:
    """Change what the sent section holds; the page has one form a section."""
    fields = _fields(form)
    try:
        with transaction() as db:
            project, _ = projects.get(db, caller, project_id, "lead")
            if "class_name" in form:
                fields["task"] = {**project.task, "classes": classes_of(form)}
            projects.change_project(db, project, fields)
    except (BadInput, Conflict) as refusal:
        return _again(request, caller, project_id, fields, refusal)
    return back_to(f"/projects/{project_id}/settings", "saved")


def _fields(form: Form) -> dict[str, Any]:
    fields: dict[str, Any] = {name: text(form, name) for name in ("name", "guidelines") if name in form}
    recipe = recipe_of(form)
    return {**fields, "recipe": recipe} if recipe else fields


@router.post("/projects/{project_id}/delete")
def delete(request: Request, caller: SignedIn, project_id: Id, form: Form) -> Response:
    """Delete the project, if its name was typed."""
    with transaction() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        if text(form, "confirm") != project.name:
            refusal = BadInput("The name does not match; nothing was deleted.")
            return _form(request, caller, project, role, {}, refusal)
        deleting.delete_project(db, project)
    return back_to("/", "deleted")


def _again(request: Request, caller: Caller, project_id: int, fields: dict[str, Any], refusal: Refusal) -> Response:
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        return _form(request, caller, project, role, fields, refusal)


def _form(
    request: Request,
    caller: Caller,
    project: Project,
    role: str,
    fields: dict[str, Any],
    refusal: Refusal | None,
) -> Response:
    return page(
        request,
        "settings.html",
        refusal.status if refusal else 200,
        caller=caller,
        project=project,
        role=role,
        name=fields.get("name", project.name),
        guidelines=fields.get("guidelines", project.guidelines),
        classes=[*fields.get("task", project.task)["classes"], {}],
        recipe={**project.recipe, **fields.get("recipe", {})},
        rooms=rooms(tasks.seen_as(project.task["kind"], project.modality)),
        colors=colors_url(project),
        errors=refusal.extra.get("errors", []) if refusal else [],
        problem=refusal.detail if refusal else "",
        said=said(request),
    )
