"""The page /projects/{id}/label: one item, its answers as buttons. The plain form is here; scripts use the API."""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from app.core import plugins, tasks
from app.db import transaction
from app.errors import BadInput
from app.models import Project
from app.services import labels, progress, projects, queue, tally
from app.services.skips import BROKEN, OUT_OF_SCOPE
from app.services.users import Caller
from app.web import strict_json, words
from app.web.deps import Id, SignedIn, coin, now
from app.web.pages.assets import colors_url, media_url
from app.web.pages.forms import Form, back_to, text, texts
from app.web.render import page
from app.web.static import files, static
from app.web.words import reasons

router = APIRouter(include_in_schema=False)
SKIP_REASONS = ("unclear", BROKEN, OUT_OF_SCOPE, "other")


@router.get("/projects/{project_id}/label")
def show(request: Request, caller: SignedIn, project_id: Id, item: int | None = None, before: str = "") -> Response:
    """One item in the caller's hands. After an undo: `item`, and the answer `before` (JSON), to be marked."""
    with transaction() as db:
        project, role = projects.get(db, caller, project_id)
        claim, empty = _claim(db, project, caller, item)
        marked = _mark(before) if claim and claim.item_id == item else {}
        return _render(request, db, caller, project, role, claim, empty, marked)


def _claim(db: Session, project: Project, caller: Caller, item_id: int | None) -> tuple[queue.Claim | None, str | None]:
    """The item to show: the one asked for if it is held, else the first."""
    n = 1 if item_id is None else 2  # the reopened item is held beside the one that was on screen
    claims = queue.claim(db, project, caller.user_id, n, now(), coin)
    wanted = [one for one in claims.items if one.item_id == item_id]
    return next(iter(wanted or claims.items), None), claims.empty_reason


def _render(
    request: Request,
    db: Session,
    caller: Caller,
    project: Project,
    role: str,
    claim: queue.Claim | None,
    empty: str | None,
    before: dict[str, Any],
) -> Response:
    task = plugins.describe_one("tasks", project.task["kind"])
    said = request.query_params.get("said", "")
    language = words.chosen(request)
    t = words.teller(language)
    recent = labels.recent(db, project, caller.user_id, 1)
    return page(
        request,
        "label.html",
        caller=caller,
        project=project,
        role=role,
        claim=claim,
        claim_json=_claim_json(claim),
        label_id=uuid4(),
        widget=task.facts["widget"],
        widget_look=look_of(task.facts["widget"]),
        before=before,
        can_undo=bool(recent),
        words=words.for_scripts(language),
        undo_id=str(recent[0][0].id) if recent else "",
        today=progress.answered_since(db, project.id, caller.user_id, _midnight(now())),
        labelled=tally.of_project(db, project.id).labelled,
        items=project.next_row,
        t=t,
        language=language,
        direction=words.direction(language),
        languages=words.LANGUAGES,
        why=reasons.said(claim.reason, claim.why, language) if claim else "",
        skip_reasons=[(reason, t(f"skip_{reason.replace(' ', '_')}")) for reason in SKIP_REASONS],
        empty_said=t(f"empty_{empty}") if empty else "",
        empty_reasons={reason: t(f"empty_{reason}") for reason in queue.EMPTY},
        said=t(f"said_{said}") if said in ("undone", "skipped") else "",
        colors=colors_url(project),
        media=media_url(project),
    )


def look_of(widget: str) -> str:
    """The address of a widget's own stylesheet; most need none."""
    name = f"widgets/{widget}.css"
    return static(name) if name in files() else ""


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _claim_json(claim: queue.Claim | None) -> dict[str, Any] | None:
    """A claim in the shape of the API's `next`."""
    if claim is None:
        return None
    return {
        "item": {"id": claim.item_id, "external_id": claim.external_id, "content": claim.content},
        "lease": {"id": claim.lease_id, "ends_at": claim.ends_at.isoformat()},
        "chosen_by": claim.chosen_by,
        "reason": claim.reason,
        "why": claim.why,
        "suggestion": claim.suggestion,
    }


def _mark(before: str) -> dict[str, Any]:
    """The undone answer, only to be shown; an address that was tampered with marks nothing."""
    try:
        answer = strict_json.parse(before or "{}")
    except strict_json.NotStrict:
        return {}
    return answer if isinstance(answer, dict) else {}


@router.post("/projects/{project_id}/label")
def answer(caller: SignedIn, project_id: Id, form: Form) -> Response:
    """Answer, skip or undo without scripts; then the next item."""
    address = f"/projects/{project_id}/label"
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id)
        if "undo" in form:
            label, claim = labels.undo(db, caller, _uuid(text(form, "undo")), now())
            marked = urlencode({"item": claim.item_id, "before": json.dumps(label.answer or {})}) if claim else ""
            return back_to(f"{address}?{marked}", "undone")
        item_id, label_id = _item_id(form), _uuid(text(form, "label_id"))
        remark = labels.Remark(unsure="unsure" in form, comment=text(form, "comment"))
        if "skip" in form:
            labels.skip(db, project, item_id, caller, text(form, "skip"), now(), label_id, remark=remark)
            return back_to(address, "skipped")
        given = _answer(project, labels.item_of(db, item_id).content, form)
        labels.submit(db, project, item_id, caller, label_id, given, None, now(), remark=remark)
    return back_to(address)


def _item_id(form: FormData) -> int:
    value = text(form, "item_id")
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise BadInput("There is no item in this form.")
    return int(value)


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise BadInput("This form has lost its number; go back and try again.") from error


def _answer(project: Project, content: dict[str, Any], form: FormData) -> Any:
    """What the form says, as its task reads it."""
    try:
        return tasks.load(project.task).from_form(content, {name: texts(form, name) for name in form})
    except tasks.InvalidAnswer as error:
        raise BadInput(str(error), [{"field": "answer", "error": str(error)}]) from error
