"""What stands before every request: its id, the same-origin check, a bound on its size, the security headers."""

import re
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import log
from app.web.deps import SAFE

CSP = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
BODY_LIMIT = 2 * 2**20  # of all but uploads, which have a limit of their own
_UPLOADS = re.compile(r"/projects/\d+/(items|upload)$")
_log = log.get(__name__)


class _TooLarge(Exception):
    pass


class Guard:
    """The one middleware, plain ASGI: it costs microseconds, where a chain of wrapped ones costs a thread each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, hand on, and add the headers to whatever comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["request_id"] = request_id = uuid4().hex[:16]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status = time.perf_counter(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._checked(scope, receive, send_guarded)
        finally:
            _log.debug(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round(1000 * (time.perf_counter() - began), 1),
            )

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if is_foreign(scope["method"], headers):
            await _refuse(scope, receive, send, 403, "Not allowed", "This request comes from another site.")
            return
        if _UPLOADS.search(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            length = headers.get("content-length", "0")
            if length.isdigit() and int(length) > BODY_LIMIT:
                raise _TooLarge
            await self.app(scope, _bounded(receive), send)
        except _TooLarge:
            await _refuse(scope, receive, send, 413, "Too large", f"More than {BODY_LIMIT // 2**20} MiB.")


def _bounded(receive: Receive) -> Receive:
    """Stop reading a body that does not say how long it is, where it gets too long."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > BODY_LIMIT:
            raise _TooLarge
        return message

    return bounded


def is_foreign(method: str, headers: Headers) -> bool:
    """Whether another site's page made this browser send an unsafe request with our cookie.

    A call with a token is no browser's doing. A browser says where a request comes from in Sec-Fetch-Site or
    Origin; a client that sends neither cannot have been tricked by a page.
    """
    # Signing in carries no cookie yet, and must not be done for somebody by another site, either.
    if method in SAFE or "authorization" in headers:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, title: str, detail: str) -> None:
    from app.web.problems import problem

    extra: dict[str, Any] = {}
    await problem(Request(scope, receive), status, title, detail, extra)(scope, receive, send)
