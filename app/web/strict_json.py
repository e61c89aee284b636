"""Reading JSON that strangers send: what cannot be kept, or can be read in two ways, is refused and told why."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

DEPTH = 64
_LARGEST = 2**63


class NotStrict(ValueError):
    """Text that is no JSON, or JSON that cannot be kept; the message is a sentence for people."""


def parse(body: bytes | str) -> Any:
    """Plain data. Raises NotStrict.

    Refused are NaN and Infinity, halves of surrogate pairs and NULs (which no database keeps), numbers that 64 bits
    do not hold, a name twice in one object (of which readers take either), and more than 64 levels.
    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotStrict(f"It is not JSON: {error}.") from error
    try:
        # The quick reader takes the last of two names and rounds large numbers; this one asks.
        found = json.loads(body, object_pairs_hook=_object, parse_int=_whole)
    except RecursionError as error:
        raise NotStrict(f"It nests more than {DEPTH} levels deep.") from error
    _check(found)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotStrict(f"An object names {twice[:100]!r} twice.")
    return found


def _whole(digits: str) -> int:
    # Longer ones Python does not even read: that takes ever longer.
    if len(digits) > 20 or not -_LARGEST <= int(digits) < _LARGEST:
        raise NotStrict(f"The number {digits[:30]}{'…' * (len(digits) > 30)} is beyond 64 bits.")
    return int(digits)


def _check(found: Any) -> None:
    """Depth and NULs, without recursion, which deep data would exhaust."""
    level = [found]
    for _ in range(DEPTH + 1):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += [*each, *each.values()]
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, str) and "\x00" in each:
                raise NotStrict("A text holds a NUL character.")
        if not inner:
            return
        level = inner
    raise NotStrict(f"It nests more than {DEPTH} levels deep.")


class _Strict(Request):
    async def json(self) -> Any:
        try:
            return parse(await self.body())
        except NotStrict as error:
            # The one kind that FastAPI lets through from reading a body.
            raise HTTPException(422, f"The body cannot be read. {error}") from error


class StrictRoute(APIRoute):
    """A route whose JSON bodies are read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with a request that reads strictly."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_Strict(request.scope, request.receive))

        return strict
