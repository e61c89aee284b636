"""The page /projects/{id}/items: what there is, and what people said of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.db import reading
from app.services import browse, exemplars, projects
from app.web.deps import Id, SignedIn
from app.web.pages.assets import colors_url, media_url
from app.web.render import page

router = APIRouter(include_in_schema=False)
ON_A_PAGE = 50


@router.get("/projects/{project_id}/items")
def show(
    request: Request,
    caller: SignedIn,
    project_id: Id,
    only: browse.Only = "all",
    after: Annotated[int, Query(ge=-1, le=2**31)] = -1,
) -> Response:
    """A page of items; `after` is the last row of the page before."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        found, more_after = browse.items(db, project, only, after, ON_A_PAGE)
        return page(
            request,
            "items.html",
            caller=caller,
            project=project,
            role=role,
            found=found,
            pins=exemplars.pins_of(db, project, [one.item.id for one in found]),
            more_after=more_after,
            after=after,
            only=only,
            indexes={each["name"]: number for number, each in enumerate(project.task["classes"])},
            colors=colors_url(project),
            media=media_url(project),
        )
