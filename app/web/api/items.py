"""Items: uploading them in a stream, listing them, their media."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app import store
from app.db import reading, transaction
from app.errors import BadInput, NotFound
from app.models import Item
from app.services import labels, projects, uploads
from app.services.users import Caller
from app.web import media
from app.web.answers import answer
from app.web.deps import Id, Limit, SignedIn, now
from app.web.receiving import file_part, pieces
from app.web.schemas import UploadOut
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1", tags=["items"], route_class=StrictRoute)

SUFFIXES = {
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/json": ".json",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "application/vnd.apache.parquet": ".parquet",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
}


@router.post(
    "/projects/{project_id}/items",
    status_code=201,
    responses={201: {"model": UploadOut}},
    response_model=None,
    openapi_extra={
        "requestBody": {
            "content": {
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
                },
                **{kind: {} for kind in SUFFIXES},
            }
        }
    },
)
async def upload(
    project_id: Id,
    caller: SignedIn,
    request: Request,
    text: str | None = None,
    label: str | None = None,
    external_id: str | None = None,
    label_as: Literal["import", "truth"] = "import",
    columns: Annotated[list[str] | None, Query()] = None,
    on_error: Literal["refuse", "keep"] = "refuse",
    name: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Add items from a file: CSV, TSV, JSON Lines, a JSON array, Parquet, a ZIP of images, an image.

    Name the columns with `text`, `label` ("folder" for a ZIP), `external_id`, `columns` (of a table). Without a
    name, `text` is guessed, and `external_id` is the column of that name, if there is one. `label_as`: `import`
    stores labels, `truth` keeps them hidden, for simulation. `on_error`: `refuse` (nothing is added where anything is
    wrong) or `keep` (the good rows are).
    """
    await run_in_threadpool(_may_upload, project_id, caller)
    chosen = uploads.Mapping(
        text=text,
        label=label,
        external_id=external_id,
        label_as=label_as,
        columns=tuple(columns) if columns else None,
    )
    with store.temporary() as path:
        file_name = await _spool(request, path, name)
        added = await run_in_threadpool(_import, project_id, caller, path, file_name, chosen, on_error)
    return answer(added, 201)


def _may_upload(project_id: int, caller: Caller) -> None:
    with reading() as db:
        projects.get(db, caller, project_id, "lead")


def _import(
    project_id: int, caller: Caller, path: Path, name: str, chosen: uploads.Mapping, on_error: Literal["refuse", "keep"]
) -> dict[str, Any]:
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
    # Reading takes long, and must not keep the people who label from writing.
    with (
        uploads.check(project.modality, project.task, path, name, chosen, on_error) as checked,
        transaction() as db,
    ):
        project, _ = projects.get(db, caller, project_id, "lead")
        rng = np.random.default_rng()
        found = uploads.import_file(
            db, project, caller.user_id, path, name, chosen, on_error, now(), rng, checked=checked
        )
        return {"added": found.added, "duplicates": found.duplicates, "refused": found.refused}


async def _spool(request: Request, path: Path, name: str) -> str:
    """Write the file that a request carries to `path`, in pieces; returns its name."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        part = await file_part(request)
        with path.open("wb") as file:
            while piece := await part.read(2**20):
                file.write(piece)
        await part.close()
        return name or part.filename or "upload"
    if not name and kind not in SUFFIXES:
        raise BadInput(f"Say what the body is: a Content-Type of {', '.join(SUFFIXES)}, or ?name= with a file's name.")
    with path.open("wb") as file:
        async for piece in pieces(request):
            file.write(piece)
    return name or "upload" + SUFFIXES[kind]


@router.get("/projects/{project_id}/items")
def listed(
    project_id: Id, caller: SignedIn, limit: Limit = 100, after: Annotated[int, Query(ge=-1, le=2**31)] = -1
) -> Response:
    """Items in the order in which they came; `after`: the last `row` seen, for the next page."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead", "reviewer")
        query = select(Item).where(Item.project_id == project.id, Item.row > after).order_by(Item.row).limit(limit)
        found = [shown(item) for item in db.scalars(query)]
        following = found[-1]["row"] if len(found) == limit else None
        return answer({"items": found, "next_after": following})


def shown(item: Item) -> dict[str, Any]:
    """An item as leads and reviewers see it."""
    return {
        "id": item.id,
        "row": item.row,
        "external_id": item.external_id,
        "content": item.content,
        "meta": item.meta,
        "slots": item.slots,
        "is_settled": item.is_settled,
        "created_at": item.created_at,
    }


def _item(db: Session, caller: Caller, item_id: int) -> tuple[Item, str]:
    """An item and the caller's role. Raises NotFound, in the same words for what is not there and what is another's."""
    item = labels.item_of(db, item_id)
    role = projects.role_of(db, caller, item.project_id)
    if role is None:
        raise NotFound("No such item.")
    return item, role


@router.get("/items/{item_id}")
def one(item_id: Id, caller: SignedIn) -> Response:
    """One item's content."""
    with reading() as db:
        item, role = _item(db, caller, item_id)
        if role == "annotator":
            return answer({"id": item.id, "external_id": item.external_id, "content": item.content})
        return answer(shown(item))


@router.get(
    "/items/{item_id}/media",
    responses={200: {"content": {kind: {} for kind in media.TYPES}}},
    response_class=Response,
)
def medium(item_id: Id, caller: SignedIn) -> Response:
    """The item's image, as it was uploaded."""
    with reading() as db:
        content = _item(db, caller, item_id)[0].content
    if "image" not in content:
        raise NotFound("This item has no image.")
    return media.served(content["image"])
