"""The pages /projects/{id}/upload: send a file, say which column is what, read what became of it."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from app import store
from app.core import plugins
from app.db import reading, transaction
from app.errors import BadInput
from app.models import Project, Upload
from app.services import projects, quotas, uploads
from app.services.users import Caller
from app.settings import current
from app.web.deps import Id, SignedIn, now
from app.web.pages.forms import Form, said, text, texts
from app.web.receiving import file_part
from app.web.render import page

router = APIRouter(include_in_schema=False)


@router.get("/projects/{project_id}/upload")
def show(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """The drop zone."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        return page(
            request,
            "upload.html",
            caller=caller,
            project=project,
            role=role,
            suffixes=[str(one.facts["suffix"]) for one in plugins.describe("formats") if one.facts.get("reads")],
            limit=current().upload_limit_bytes,
            quotas=quotas.told(db, project),
            said=said(request),
        )


@router.post("/projects/{project_id}/upload")
async def receive(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """Keep the file until its columns are mapped. Whether the caller may comes first: then the body is read."""
    await run_in_threadpool(_may_upload, caller, project_id)
    part = await file_part(request)
    spooled = await run_in_threadpool(uploads.spool, part.file)
    await part.close()
    upload_id = await run_in_threadpool(_keep, caller, project_id, part.filename or "upload", spooled)
    return RedirectResponse(f"/projects/{project_id}/upload/{upload_id}", status_code=303)


def _may_upload(caller: Caller, project_id: int) -> None:
    with reading() as db:
        projects.get(db, caller, project_id, "lead")


def _keep(caller: Caller, project_id: int, file_name: str, spooled: str) -> int:
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return uploads.keep(db, project, caller.user_id, file_name, spooled, now()).id


@router.get("/projects/{project_id}/upload/{upload_id}")
def show_mapping(request: Request, caller: SignedIn, project_id: Id, upload_id: Id) -> Response:
    """The first rows, with a guess of what is what."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        upload = uploads.waiting(db, project, upload_id)
        return _mapping(request, caller, project, role, upload, None)


def _mapping(
    request: Request, caller: Caller, project: Project, role: str, upload: Upload, refusal: BadInput | None
) -> Response:
    classes = [each["name"] for each in project.task["classes"]]
    seen = uploads.preview(_spooled(upload), upload.file_name, project.modality, classes)
    return page(
        request,
        "upload_map.html",
        422 if refusal else 200,
        caller=caller,
        project=project,
        role=role,
        upload=upload,
        preview=seen,
        errors=refusal.extra["errors"] if refusal else [],
        problem=refusal.detail if refusal else "",
    )


def _spooled(upload: Upload) -> Path:
    if upload.spool is None:
        raise BadInput("This upload is not there any more; send the file again.")
    try:
        return store.local(uploads.spool_path(upload.spool), is_fixed=True)
    except FileNotFoundError as error:
        raise BadInput("This upload is not there any more; send the file again.") from error


@router.post("/projects/{project_id}/upload/{upload_id}")
def add(request: Request, caller: SignedIn, project_id: Id, upload_id: Id, form: Form) -> Response:
    """Add the items, and tell of every row that was refused; or, refused as a whole, show the mapping again."""
    mapping, on_error = _mapping_of(form), _on_error(form)
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        upload = uploads.waiting(db, project, upload_id)
    path = _spooled(upload)
    try:
        # Reading the file takes long, and needs no transaction.
        checked = uploads.check(project.modality, project.task, path, upload.file_name, mapping, on_error)
        with transaction() as db:
            project, role = projects.get(db, caller, project_id, "lead")
            upload = uploads.waiting(db, project, upload_id)
            result = _import(db, project, caller, path, mapping, on_error, checked, upload)
    except BadInput as refusal:
        with reading() as db:
            project, role = projects.get(db, caller, project_id, "lead")
            return _mapping(request, caller, project, role, uploads.waiting(db, project, upload_id), refusal)
    path.unlink(missing_ok=True)  # a copy, maybe
    store.delete(uploads.spool_path(path.name))
    context: dict[str, Any] = {"project": project, "role": role, "file_name": upload.file_name, "result": result}
    return page(request, "upload_done.html", caller=caller, **context)


def _import(
    db: Session,
    project: Project,
    caller: Caller,
    path: Path,
    mapping: uploads.Mapping,
    on_error: Literal["refuse", "keep"],
    checked: uploads.Checked,
    upload: Upload,
) -> uploads.Result:
    rng = np.random.default_rng()
    return uploads.import_file(
        db, project, caller.user_id, path, upload.file_name, mapping, on_error, now(), rng, checked, upload
    )


def _on_error(form: FormData) -> Literal["refuse", "keep"]:
    return "keep" if text(form, "on_error") == "keep" else "refuse"


def _mapping_of(form: FormData) -> uploads.Mapping:
    columns = tuple(texts(form, "columns"))
    return uploads.Mapping(
        text=text(form, "text") or None,
        label=text(form, "label") or None,
        external_id=text(form, "external_id") or None,
        label_as="truth" if text(form, "label_as") == "truth" else "import",
        columns=columns or None,
    )
