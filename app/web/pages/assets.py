"""What a project's pages load beside the static files: its classes' colours as a style sheet, and its media."""

import re
from hashlib import sha256

from fastapi import APIRouter, Response

from app.db import reading
from app.errors import NotFound
from app.models import Project
from app.services import browse, projects
from app.web import media
from app.web.deps import Id, SignedIn

COLOR = re.compile(r"#[0-9a-fA-F]{6}")
FALLBACK = "#54678a"
router = APIRouter(include_in_schema=False)


def colors_url(project: Project) -> str:
    """The address of a project's colours; it changes with them."""
    return f"/projects/{project.id}/colors.css?v={sha256(_sheet(project).encode()).hexdigest()[:12]}"


def media_url(project: Project) -> str:
    """What stands before a medium's name in its address."""
    return f"/projects/{project.id}/media"


def _sheet(project: Project) -> str:
    """One rule a class. A colour that is none never reaches the sheet: it could close the rule and open another."""
    found = [each.get("color") or "" for each in project.task["classes"]]
    colors = [color if COLOR.fullmatch(color) else FALLBACK for color in found]
    return "\n".join(f".c{number} {{ --class: {color}; }}" for number, color in enumerate(colors))


@router.get("/projects/{project_id}/colors.css")
def colors(caller: SignedIn, project_id: Id) -> Response:
    """The classes' colours. A style sheet, since the content security policy allows no inline style."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id)
        sheet = _sheet(project)
    kept = {"Cache-Control": "private, max-age=86400"}
    return Response(sheet, media_type="text/css; charset=utf-8", headers=kept)


@router.get("/projects/{project_id}/media/{name}")
def medium(caller: SignedIn, project_id: Id, name: str) -> Response:
    """An image of this project, for its members. Its name is its content's hash, so it never changes."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id)
        if not browse.shows_medium(db, project, name):
            raise NotFound
    return media.served(name)
