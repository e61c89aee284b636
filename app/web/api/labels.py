"""Answering: labels, skips, undo, and one's own latest answers."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import metrics
from app.db import reading, together, transaction
from app.models import Label
from app.services import access, labels, projects, queue
from app.web.answers import answer
from app.web.api.queue import claimed, claims_shown
from app.web.deps import Id, Keyed, Limit, SignedIn, now
from app.web.schemas import LabelIn, LabelOut, SkipIn
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1", tags=["labels"], route_class=StrictRoute)
STORED: dict[int | str, dict[str, Any]] = {201: {"model": LabelOut}, 200: {"model": LabelOut, "description": "Again"}}
NextToo = Annotated[int, Query(ge=0, le=queue.MOST_AT_ONCE)]


def shown(label: Label) -> dict[str, Any]:
    """A label as it was stored; nothing in it ever changes, so that a repeated request gets the same body."""
    return {
        "id": label.id,
        "item_id": label.item_id,
        "answer": label.answer,
        "skip_reason": label.skip_reason,
        "seconds": label.seconds,
        "raw_seconds": label.raw_seconds,
        "unsure": bool(label.unsure),
        "comment": label.comment,
        "created_at": label.created_at,
        "chosen_by": label.chosen_by,
    }


def remark_of(given: LabelIn | SkipIn) -> labels.Remark:
    """What is said beside the answer."""
    return labels.Remark(given.raw_seconds, given.unsure, given.comment)


@router.post("/items/{item_id}/labels", status_code=201, responses=STORED, response_model=None)
async def submit(item_id: Id, given: LabelIn, key: Keyed, then_next: NextToo = 0) -> Response:
    """Answer an item. The same id again gives 200 and the first result; nothing is stored twice.

    `then_next`: so many items to have in your hands afterwards, as `next` gives them, in the field `next` of the
    answer; both are one transaction.
    """

    def work(db: Session) -> Response:
        moment = now()
        who, item = access.to_item(db, key, item_id, moment, then_next > 0)
        label, is_new = labels.submit(
            db, who.project, item_id, who.caller, given.id, given.answer, given.seconds, moment, who.may_review, item,
            remark_of(given),
        )  # fmt: skip
        made = shown(label)
        if then_next:
            db.flush()
            made["next"] = claims_shown(db, replace(who, holds=None), then_next, moment)
        return answer(made, 201 if is_new else 200)

    try:
        return counted("answer", await together(work))
    except IntegrityError:
        # The same answer arrived twice at the same moment; the other has been stored by now.
        return counted("answer", await together(work))


def counted(kind: str, made: Response) -> Response:
    """The response, and its label counted if it is a new one."""
    if made.status_code == 201:
        metrics.labels_accepted.labels(kind).inc()
    return made


@router.post("/items/{item_id}/skip", status_code=201, responses=STORED, response_model=None)
async def skip(item_id: Id, given: SkipIn, key: Keyed) -> Response:
    """Pass an item over, with a reason. It goes to others, and not to you again."""

    def work(db: Session) -> Response:
        moment = now()
        who, _ = access.to_item(db, key, item_id, moment)
        said = (given.reason, moment, given.id, given.seconds, remark_of(given))
        label, is_new = labels.skip(db, who.project, item_id, who.caller, *said)
        db.flush()
        return answer(shown(label), 201 if is_new else 200)

    return counted("skip", await together(work))


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
