"""Answering: labels, skips, undo, and one's own latest answers."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.exc import IntegrityError

from app.db import reading, transaction
from app.models import Label
from app.services import labels, projects
from app.services.users import Caller
from app.web.answers import answer
from app.web.api.queue import claimed
from app.web.deps import Id, Limit, SignedIn, now
from app.web.schemas import LabelIn, LabelOut, SkipIn

router = APIRouter(prefix="/api/v1", tags=["labels"])


def shown(label: Label) -> dict[str, Any]:
    """A label as it was stored; nothing in it ever changes, so that a repeated request gets the same body."""
    return {
        "id": label.id,
        "item_id": label.item_id,
        "answer": label.answer,
        "skip_reason": label.skip_reason,
        "seconds": label.seconds,
        "created_at": label.created_at,
        "chosen_by": label.chosen_by,
    }


def store(item_id: int, given: LabelIn, caller: Caller) -> tuple[dict[str, Any], bool]:
    """Store an answer in one transaction; returns it as shown, and whether it is new."""
    with transaction() as db:
        item = labels.item_of(db, item_id)
        project, role = projects.get(db, caller, item.project_id)
        label, is_new = labels.submit(
            db, project, item_id, caller, given.id, given.answer, given.seconds, now(), role in ("lead", "reviewer")
        )
        return shown(label), is_new


@router.post("/items/{item_id}/labels", status_code=201, responses={201: {"model": LabelOut}}, response_model=None)
def submit(item_id: Id, given: LabelIn, caller: SignedIn) -> Response:
    """Answer an item. The same id again gives 200 and the first result; nothing is stored twice."""
    try:
        made, is_new = store(item_id, given, caller)
    except IntegrityError:
        # The same answer arrived twice at the same moment; the other has been stored by now.
        made, is_new = store(item_id, given, caller)
    return answer(made, 201 if is_new else 200)


@router.post("/items/{item_id}/skip", status_code=201, responses={201: {"model": LabelOut}}, response_model=None)
def skip(item_id: Id, given: SkipIn, caller: SignedIn) -> Response:
    """Pass an item over, with a reason. It goes to others, and not to you again."""
    with transaction() as db:
        item = labels.item_of(db, item_id)
        project, _ = projects.get(db, caller, item.project_id)
        label, is_new = labels.skip(db, project, item_id, caller, given.reason, now(), given.id)
        return answer(shown(label), 201 if is_new else 200)


@router.delete("/labels/{label_id}")
def undo(label_id: UUID, caller: SignedIn) -> Response:
    """Take your answer or skip back: the item comes back into your hands. The record of it stays."""
    with transaction() as db:
        label, claim = labels.undo(db, caller, label_id, now())
        return answer({**shown(label), "ended_at": label.ended_at, "claim": claimed(claim) if claim else None})


@router.get("/projects/{project_id}/labels/mine")
def mine(project_id: Id, caller: SignedIn, limit: Limit = 20) -> Response:
    """Your own latest answers and skips, newest first, with their items."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id)
        found = [
            {**shown(label), "item": {"id": item.id, "external_id": item.external_id, "content": item.content}}
            for label, item in labels.recent(db, project, caller.user_id, limit)
        ]
        return answer({"labels": found})
