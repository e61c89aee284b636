"""What to answer next: claims and leases; the queue as the lead sees it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from app.db import reading, together, transaction
from app.services import access, leases, progress, projects, queue
from app.services.access import Access
from app.web.answers import answer
from app.web.deps import Id, Keyed, Limit, SignedIn, coin, now
from app.web.schemas import NextOut, RenewIn
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1", tags=["queue"], route_class=StrictRoute)
AtOnce = Annotated[int, Query(ge=1, le=queue.MOST_AT_ONCE)]


def claimed(claim: queue.Claim) -> dict[str, Any]:
    """A claim as the API and the labelling page show it."""
    return {
        "item": {
            "id": claim.item_id,
            "external_id": claim.external_id,
            "content": claim.content,
        },
        "lease": {"id": claim.lease_id, "ends_at": claim.ends_at},
        "chosen_by": claim.chosen_by,
        "reason": claim.reason,
        "why": claim.why,
        "suggestion": claim.suggestion,
    }


def claims_shown(db: Session, access: Access, n: int, moment: datetime) -> dict[str, Any]:
    """Claim for a caller whose access was asked in this transaction; the claims as the API shows them."""
    claims = queue.claim(db, access.project, access.caller.user_id, n, moment, coin, access.holds)
    return {"items": [claimed(claim) for claim in claims.items], "empty_reason": claims.empty_reason}


@router.get("/projects/{project_id}/next", responses={200: {"model": NextOut}}, response_model=None)
async def following(project_id: Id, key: Keyed, n: AtOnce = 1) -> Response:
    """Up to n items in your hands: those that you hold already, then the ones most worth asking."""

    def work(db: Session) -> Response:
        moment = now()
        return answer(claims_shown(db, access.to_project(db, key, project_id, moment), n, moment))

    return await together(work)


@router.post("/leases/renew")
def renew(wanted: RenewIn, caller: SignedIn) -> Response:
    """Push the end of your leases; those that have ended meanwhile are missing from the answer."""
    with transaction() as db:
        renewed = leases.renew(db, caller.user_id, wanted.ids, now())
        return answer({"leases": [{"id": lease, "ends_at": end} for lease, end in renewed.items()]})


@router.delete("/leases/{lease_id}", status_code=204)
def release(lease_id: Id, caller: SignedIn) -> Response:
    """Give an item back unanswered."""
    with transaction() as db:
        leases.release(db, caller.user_id, lease_id, now())
        return Response(status_code=204)


@router.get("/projects/{project_id}/queue")
def listed(
    project_id: Id, caller: SignedIn, limit: Limit = 20, after: Annotated[int, Query(ge=-1, le=2**31)] = -1
) -> Response:
    """The items that are asked next, in order; `after`: a rank, for the next page."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        rows = progress.queue_rows(db, project, limit, after)
        return answer({"length": progress.queue_length(db, project), "rows": rows})
