"""How it goes: progress, rounds, people, workers, and a stream of events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from app import stopping
from app.db import reading, transaction
from app.errors import NotSignedIn, Refusal
from app.services import outlook, progress, projects, rounds, skips, sway
from app.services.users import Caller
from app.web.answers import answer
from app.web.deps import Id, Limit, SignedIn, maybe_signed_in, now
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1/projects/{project_id}", tags=["progress"], route_class=StrictRoute)

EVENT_SECONDS = 1.0
SIGN_OF_LIFE = 15  # looks without news, after which a comment keeps proxies from closing the stream
# What an annotator may see of a project: its size and their own share, nothing of how others answer.
FOR_ANNOTATORS = ("items", "labelled", "labels", "open_leases", "round", "queue", "mine", "accuracy")


def state(project_id: int, caller: Caller) -> dict[str, Any]:
    """The progress of a project, as far as the caller may see it."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id)
        found = progress.progress(db, project, caller.user_id)
        return found if role == "lead" else {name: found[name] for name in FOR_ANNOTATORS}


@router.get("/progress")
def shown(project_id: Id, caller: SignedIn) -> Response:
    """Items, labels, leases, the round, and the accuracy measured on the audit set, with its interval."""
    return answer(state(project_id, caller))


@router.get("/rounds")
def listed(
    project_id: Id, caller: SignedIn, limit: Limit = 50, before: Annotated[int | None, Query(ge=1, le=2**31)] = None
) -> Response:
    """The rounds, newest first; `before`: a round's number, for the next page."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        found = progress.rounds(db, project, limit, before)
        curve = progress.learning_curve(db, project)
        return answer({"rounds": found, "curve": curve, "outlook": outlook.outlook(db, project, curve)})


@router.post("/rounds", status_code=202)
def ask(project_id: Id, caller: SignedIn) -> Response:
    """Ask for a round now, whatever the recipe says."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        rounds.ask(db, project, now())
        return answer({"asked": True}, 202)


@router.post("/rounds/cancel")
def cancel(project_id: Id, caller: SignedIn) -> Response:
    """End the round that runs; `cancelled` is false where none does. The next comes with a new label, or when asked."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return answer({"cancelled": rounds.cancel(db, project, now())})


@router.get("/annotators")
def people(project_id: Id, caller: SignedIn) -> Response:
    """Who has answered how much, how fast."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return answer({"annotators": progress.annotators(db, project)})


@router.get("/skips")
def passed_over(project_id: Id, caller: SignedIn) -> Response:
    """Why items were passed over: how often, how many, and whether the queue asks what resembles them last."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return answer({"reasons": skips.reasons(db, project)})


@router.get("/sway")
def swayed(project_id: Id, caller: SignedIn) -> Response:
    """How much suggestions sway people: answers where one was shown against answers where a coin had hidden it."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return answer(sway.shown(db, project))


@router.get("/workers")
def workers(project_id: Id, caller: SignedIn) -> Response:
    """The worker processes and what they are at."""
    with reading() as db:
        projects.get(db, caller, project_id, "lead")
        return answer({"workers": progress.workers(db, now())})


@router.get("/events", responses={200: {"content": {"text/event-stream": {}}}}, response_class=Response)
async def events(project_id: Id, caller: SignedIn, request: Request) -> Response:
    """Server-sent events: `progress`, with the same JSON as /progress, whenever it has changed."""
    await run_in_threadpool(state, project_id, caller)  # a stranger is refused before the stream begins
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(project_id, request), media_type="text/event-stream", headers=headers)


def _look(project_id: int, request: Request) -> bytes:
    """The progress, for whoever the cookie or token belongs to by now. Raises Refusal."""
    caller = maybe_signed_in(request)
    if caller is None:
        raise NotSignedIn
    return orjson.dumps(state(project_id, caller), option=orjson.OPT_UTC_Z)


async def _events(project_id: int, request: Request) -> AsyncIterator[bytes]:
    """A look a second, each with a session of its own: a session held over the stream would exhaust the pool."""
    last, silent = b"", 0
    while not (stopping.is_asked() or await request.is_disconnected()):
        try:
            now_state = await run_in_threadpool(_look, project_id, request)
        except Refusal:  # the project is gone, or the role, or the sign-in
            yield b"event: end\ndata: {}\n\n"
            return
        silent += 1
        if now_state != last:
            yield b"event: progress\ndata: " + now_state + b"\n\n"
            last, silent = now_state, 0
        elif silent >= SIGN_OF_LIFE:
            yield b": still here\n\n"
            silent = 0
        await asyncio.sleep(EVENT_SECONDS)
