"""The plug-ins there are, from their own source: what a form or a script can choose from."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from app.core import plugins
from app.web.answers import answer
from app.web.deps import SignedIn
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1", tags=["plug-ins"], route_class=StrictRoute)


@router.get("/plugins")
def listed(caller: SignedIn) -> Response:  # noqa: ARG001  # only for people with an account
    """Every plug-in of every room, with its settings and their defaults."""
    return answer({room: [asdict(one) for one in plugins.describe(room)] for room in plugins.ROOMS})
