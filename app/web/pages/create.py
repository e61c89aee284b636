"""The page /projects/new: a project without a line of code. What it offers is drawn from the plug-ins' files."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.core import plugins
from app.db import transaction
from app.errors import BadInput, Forbidden
from app.services import projects, recipes
from app.services.users import Caller
from app.web.deps import SignedIn, now
from app.web.pages.forms import Form, back_to, classes_of, recipe_of, task_settings, text
from app.web.render import page

router = APIRouter(include_in_schema=False)
EMPTY_ROWS = 3


@router.get("/projects/new")
def show(request: Request, caller: SignedIn) -> Response:
    """The empty form."""
    if not caller.is_admin:
        raise Forbidden("Only an admin may create projects.")
    return _form(request, caller, {}, None)


@router.post("/projects/new")
def create(request: Request, caller: SignedIn, form: Form) -> Response:
    """Make the project, and go on to its upload; or show the form again with what is wrong."""
    fields = {
        "name": text(form, "name"),
        "modality": text(form, "modality"),
        "task": {"kind": text(form, "kind"), "classes": classes_of(form), **task_settings(form)},
        "recipe": recipe_of(form),
        "guidelines": text(form, "guidelines"),
    }
    try:
        with transaction() as db:
            made = projects.create_project(db, caller, fields, now())
            address = f"/projects/{made.id}/upload"
    except BadInput as refusal:
        return _form(request, caller, fields, refusal)
    return back_to(address, "created")


def _form(request: Request, caller: Caller, fields: dict[str, Any], refusal: BadInput | None) -> Response:
    task = fields.get("task", {})
    return page(
        request,
        "project_new.html",
        422 if refusal else 200,
        caller=caller,
        fields=fields,
        classes=[*task.get("classes", []), *[{}] * EMPTY_ROWS],
        palette=recipes.PALETTE,
        kinds=plugins.describe("tasks"),
        recipe={**recipes.Recipe().model_dump(), **fields.get("recipe", {})},
        rooms=rooms(fields.get("modality", "")),
        errors=refusal.extra["errors"] if refusal else [],
        problem=refusal.detail if refusal else "",
    )


def rooms(modality: str) -> list[tuple[str, str, str, list[plugins.Description]]]:
    """What the form lets a lead choose: (recipe key, title, hint, plug-ins). A new file appears here by itself."""
    encoders = [one for one in plugins.describe("encoders") if not modality or one.facts.get("modality") == modality]
    strategies = plugins.describe("strategies")
    return [
        ("strategy", "What to ask next", "Chooses the next items once the model has learned a little.", strategies),
        ("cold_start", "What to ask first", "Chooses before there are enough labels for a model.", strategies),
        ("encoder", "What the model sees", "Turns items into numbers, without labels.", encoders),
        ("learner", "What learns", "Is fitted again after every few answers.", plugins.describe("learners")),
        ("aggregation", "How answers merge", "Makes one answer of several.", plugins.describe("aggregation")),
    ]  # fmt: skip
