"""The labelled data, out."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from app import store
from app.core import plugins
from app.db import reading
from app.services import exports, projects
from app.web.deps import Id, SignedIn
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1", tags=["export"], route_class=StrictRoute)

MEDIA_TYPES = [str(one.facts["media_type"]) for one in plugins.describe("formats") if one.facts["writes"]]


@router.get(
    "/projects/{project_id}/export",
    responses={200: {"content": {kind: {} for kind in MEDIA_TYPES}}},
    response_class=Response,
)
def export(
    project_id: Id,
    caller: SignedIn,
    format_name: Annotated[str, Query(alias="format", max_length=50)] = "jsonl",
    only: Literal["labelled", "all"] = "labelled",
    predictions: bool = False,
    since: datetime | None = None,
    class_name: Annotated[str | None, Query(alias="class", max_length=200)] = None,
) -> Response:
    """Items with their merged answer and every single label, as of one moment.

    `only=all`: unlabelled items, too. `predictions=true`: what the model says of each item; for a labelled one, by a
    model that had not seen its label. `since`, `class`: only items with a label from then on, or of that class.
    """
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        name = project.name
    filters = exports.Filters(only=only, since=since, class_name=class_name, predictions=predictions)
    path = store.temporary_path()
    made = exports.export(project_id, format_name, filters, path)
    return FileResponse(
        path,
        media_type=made.media_type,
        filename=f"{file_stem(name)}{Path(made.file_name).suffix}",
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(_remove, path),
    )


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def file_stem(name: str) -> str:
    """A project's name as a file's name."""
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name).strip("-")
    return kept[:80] or "export"
