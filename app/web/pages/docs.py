"""The pages /plugins and /api/docs: how it learns, and the REST interface, both without a network."""

from fastapi import APIRouter, Request, Response

from app.core import plugins
from app.web.deps import MaybeSignedIn
from app.web.render import page

router = APIRouter(include_in_schema=False)
ROOMS = (
    ("tasks", "Questions", "The kinds of question a project can ask."),
    ("strategies", "Strategies", "What decides which item is asked next."),
    ("encoders", "Encoders", "What turns an item into numbers, without labels."),
    ("learners", "Learners", "What is fitted to the answers, again and again."),
    ("aggregation", "Merging answers", "What makes one answer out of several people's."),
    ("formats", "File formats", "What can be uploaded and exported."),
)


@router.get("/plugins")
def show_plugins(request: Request, caller: MaybeSignedIn) -> Response:
    """Every plug-in of every room, in its own words: drawn from the files, so that a new one is here at once."""
    found = [(room, title, hint, plugins.describe(room)) for room, title, hint in ROOMS]
    return page(request, "plugins.html", caller=caller, rooms=found)


@router.get("/api/docs")
def show_api(request: Request, caller: MaybeSignedIn) -> Response:
    """The interface's own documentation, to be tried out with the browser's sign-in."""
    return page(request, "api_docs.html", caller=caller)
