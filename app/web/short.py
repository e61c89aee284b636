"""The short way: the two requests that people wait for, without the framework's general machinery.

Finding a route among a hundred and solving what an endpoint asks for took longer than the claim or the answer itself.
Only a request that is plainly right is taken here, and handed to the very function of its route; whatever is unusual
goes on to the route, which knows every refusal, so that both ways give the same answers.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services.queue import MOST_AT_ONCE
from app.web.api import PREFIX, labels, queue
from app.web.deps import keyed
from app.web.schemas import LabelIn
from app.web.strict_json import NotStrict, parse

_NEXT = re.compile(rf"{PREFIX}/projects/([1-9][0-9]{{0,17}})/next")
_LABELS = re.compile(rf"{PREFIX}/items/([1-9][0-9]{{0,17}})/labels")
_COUNT = re.compile(rb"(?:(n|then_next)=([1-9][0-9]?))?")
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True)
class Template:
    """A route as the metrics name it."""

    path: str


NEXT = Template(f"{PREFIX}/projects/{{project_id}}/next")
LABELS = Template(f"{PREFIX}/items/{{item_id}}/labels")


class Short:
    """Innermost of the middleware: in front of the router, behind the checks of `Guard`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is usual; hand on the rest."""
        if scope["type"] == "http" and not scope.get("root_path"):
            if scope["method"] == "GET" and (found := _NEXT.fullmatch(scope["path"])):
                await self._next(int(found[1]), scope, receive, send)
                return
            if scope["method"] == "POST" and (found := _LABELS.fullmatch(scope["path"])):
                await self._label(int(found[1]), scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _next(self, project_id: int, scope: Scope, receive: Receive, send: Send) -> None:
        n = _count(scope, b"n", 1)
        if n is None:
            await self.app(scope, receive, send)
            return
        scope["route"], request = NEXT, Request(scope, receive)

        async def made() -> Response:
            return await queue.following(project_id, await keyed(request), n)

        await (await _told(request, made))(scope, receive, send)

    async def _label(self, item_id: int, scope: Scope, receive: Receive, send: Send) -> None:
        then_next = _count(scope, b"then_next", 0)
        if then_next is None or _JSON not in scope["headers"]:
            await self.app(scope, receive, send)
            return
        scope["route"], request = LABELS, Request(scope, receive)
        body = b""

        async def made() -> Response | None:
            nonlocal body
            body = await request.body()
            try:
                given = LabelIn.model_validate(parse(body))
            except (NotStrict, ValidationError):
                return None
            return await labels.submit(item_id, given, await keyed(request), then_next)

        response = await _told(request, made)
        if response is None:
            await self.app(scope, _again(body, receive), send)
        else:
            await response(scope, receive, send)


def _count(scope: Scope, name: bytes, default: int) -> int | None:
    """The one number that the query may give; None where it says anything else."""
    found = _COUNT.fullmatch(scope["query_string"])
    if found is None or found[1] not in (None, name):
        return None
    n = int(found[2] or default)
    return n if n <= MOST_AT_ONCE else None


async def _told(request: Request, made: Callable[[], Awaitable[Any]]) -> Any:
    """What `made` gives; a refusal as the application's own handler tells it. Raises what has none."""
    try:
        return await made()
    except Exception as error:
        handlers = request.app.exception_handlers
        handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
        if handler is None or handler is handlers.get(Exception):
            raise
        return handler(request, error)


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that has been read, for whoever reads it next."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
