"""The page /projects/{id}/people: who takes part, and as what."""

from fastapi import APIRouter, Request, Response

from app.db import reading, transaction
from app.errors import Refusal
from app.services import progress, projects, recipes
from app.services.users import Caller
from app.web.deps import Id, SignedIn, now
from app.web.pages.forms import Form, back_to, said, text
from app.web.render import page

router = APIRouter(include_in_schema=False)


@router.get("/projects/{project_id}/people")
def show(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """The members, what each has done, and a form for one more."""
    return _page(request, caller, project_id)


@router.post("/projects/{project_id}/people")
def add(request: Request, caller: SignedIn, project_id: Id, form: Form) -> Response:
    """Let somebody in, or change their role."""
    try:
        with transaction() as db:
            project, _ = projects.get(db, caller, project_id, "lead")
            projects.add_member(db, project, text(form, "email"), text(form, "role"), now())
    except Refusal as refusal:
        return _page(request, caller, project_id, refusal, text(form, "email"))
    return back_to(f"/projects/{project_id}/people", "added")


@router.post("/projects/{project_id}/people/{user_id}/remove")
def remove(request: Request, caller: SignedIn, project_id: Id, user_id: Id) -> Response:
    """Take somebody's role away; their labels stay."""
    try:
        with transaction() as db:
            project, _ = projects.get(db, caller, project_id, "lead")
            projects.remove_member(db, project, user_id)
    except Refusal as refusal:
        return _page(request, caller, project_id, refusal)
    return back_to(f"/projects/{project_id}/people", "removed")


def _page(
    request: Request, caller: Caller, project_id: int, refusal: Refusal | None = None, email: str = ""
) -> Response:
    """A stranger's refusal is raised again here, by the same check, and becomes a 404."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        return page(
            request,
            "people.html",
            refusal.status if refusal else 200,
            caller=caller,
            project=project,
            role=role,
            members=projects.members(db, project),
            work={one["user_id"]: one for one in progress.annotators(db, project)},
            roles=recipes.ROLES,
            email=email,
            now=now(),
            said=said(request),
            problem=refusal.detail if refusal else "",
            errors=refusal.extra.get("errors", []) if refusal else [],
        )
