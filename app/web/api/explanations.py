"""What moved the model to its suggestion: asked for by whoever holds the item."""

from fastapi import APIRouter, Response

from app.db import reading, transaction
from app.errors import Conflict
from app.models import Explanation
from app.services import explanations
from app.web.answers import answer
from app.web.deps import Id, SignedIn, now
from app.web.openapi import response_of
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1/leases/{lease_id}/explanation", tags=["explanations"], route_class=StrictRoute)


def shown(found: Explanation) -> Response:
    """`state` is waiting, done or failed; what is done comes along. 202 while it is being worked out."""
    return answer({"state": found.state, **(found.result or {})}, 202 if found.state == "waiting" else 200)


@router.post("", status_code=202, responses={200: {"description": "It was worked out before."}})
def ask(lease_id: Id, caller: SignedIn) -> Response:
    """Ask which words, columns or regions moved the model to the suggestion in your lease.

    409 where no suggestion is shown to you.
    """
    with transaction() as db:
        return shown(explanations.ask(db, caller, lease_id, now()))


@router.get(
    "",
    responses={202: {"description": "It is being worked out."}, 409: response_of(Conflict)},
)
def look(lease_id: Id, caller: SignedIn) -> Response:
    """What was asked for, as far as it is."""
    with reading() as db:
        return shown(explanations.look(db, caller, lease_id))
