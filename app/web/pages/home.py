"""The page /: the caller's projects, each with its progress and the one button that matters."""

from fastapi import APIRouter, Request, Response

from app.db import reading
from app.services import projects
from app.web.deps import SignedIn
from app.web.pages.forms import said
from app.web.render import page

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, caller: SignedIn) -> Response:
    """My projects, or what to do where there are none."""
    with reading() as db:
        found = projects.list_projects(db, caller)
        return page(request, "home.html", caller=caller, projects=found, said=said(request))
