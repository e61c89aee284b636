"""The page /projects/{id}/export: choices, and the file."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.core import plugins
from app.db import reading
from app.services import progress, projects
from app.web.deps import Id, SignedIn
from app.web.render import page

router = APIRouter(include_in_schema=False)
CHOICES = ("format", "only", "predictions", "since", "class")


@router.get("/projects/{project_id}/export")
def show(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """The choices."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        return page(
            request,
            "export.html",
            caller=caller,
            project=project,
            role=role,
            formats=[one for one in plugins.describe("formats") if one.facts.get("writes")],
            done=progress.progress(db, project),
        )


@router.get("/projects/{project_id}/export/file")
def download(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """Go on to the API's export: a form sends its empty fields too, which there would be no dates and no classes."""
    with reading() as db:
        projects.get(db, caller, project_id, "lead")
    chosen = {name: request.query_params[name] for name in CHOICES if request.query_params.get(name)}
    if "since" in chosen:
        chosen["since"] += "T00:00:00Z"  # a date field knows no zone; the API wants a moment
    return RedirectResponse(f"/api/v1/projects/{project_id}/export?{urlencode(chosen)}", status_code=303)
