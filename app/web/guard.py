"""What stands before every request: its id, the host and origin checks, a bound on its size, the security headers."""

import re
import time
from collections.abc import Iterable
from secrets import token_hex
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import log, metrics
from app.settings import current
from app.web.deps import SAFE
from app.web.origin import is_foreign, is_known_host

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # data: for the marks inside the API page's style sheet
        "connect-src 'self'",
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
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    # What a route does not say otherwise of is private.
    "Cache-Control": "no-store",
}
_OURS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_HSTS = (b"strict-transport-security", b"max-age=31536000")
# Probes name whatever address they know, and learn nothing.
_FOR_PROBES = ("/healthz", "/readyz")
# An export is made anew each time, so a piece of one must never be put together with a piece of another.
_PIECES = (b"range", b"if-range")
_NO_RANGES = (b"accept-ranges", b"none")
BODY_LIMIT = 2 * 2**20  # of all but uploads, which have a limit of their own
_TOO_LARGE = f"More than {BODY_LIMIT // 2**20} MiB."
_UPLOADS = re.compile(r"/projects/\d+/(items|upload)$")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SLOW_SECONDS = 1.0
_log = log.get(__name__)


class Guard:
    """The outer middleware, plain ASGI: it costs microseconds, where a chain of wrapped ones costs a thread each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, hand on, and add the headers to whatever comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["request_id"] = request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status = time.perf_counter(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                is_secure = scope["scheme"] == "https" or current().secure_cookies
                message["headers"] = _with_ours(message["headers"], request_id, is_secure)
            await send(message)

        try:
            await self._checked(scope, receive, send_guarded)
        finally:
            seconds = time.perf_counter() - began
            metrics.observe(scope["method"], getattr(scope.get("route"), "path", None), status, seconds)
            if _is_told(scope["method"], status, seconds):
                told = {"method": scope["method"], "path": scope["path"], "status": status}
                _log.info("request", **told, milliseconds=round(1000 * seconds, 1))

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not is_known_host(headers.get("host")) and scope["path"] not in _FOR_PROBES:
            said = "This server does not answer to that name; its operator can add it to MARGINALIA_TRUSTED_HOSTS."
            await _refuse(scope, receive, send, 400, "Bad request", said)
            return
        if is_foreign(scope["method"], scope["scheme"], headers):
            await _refuse(scope, receive, send, 403, "Not allowed", "This request comes from another site.")
            return
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _PIECES]
        if _UPLOADS.search(scope["path"]):
            await self.app(scope, receive, send)
            return
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > BODY_LIMIT:
            await _refuse(scope, receive, send, 413, "Too large", _TOO_LARGE)
            return
        await self.app(scope, _bounded(receive), send)


def _with_ours(headers: Iterable[tuple[bytes, bytes]], request_id: str, is_secure: bool) -> list[tuple[bytes, bytes]]:
    """A response's headers and, of ours, those that it does not set itself; names are in lower case, as ASGI has it."""
    given = [pair if pair[0] != b"accept-ranges" else _NO_RANGES for pair in headers]
    names = {name for name, _ in given}
    given += [pair for pair in _OURS if pair[0] not in names]
    if is_secure:
        given.append(_HSTS)
    given.append((b"x-request-id", request_id.encode()))
    return given


def _request_id(scope: Scope) -> str:
    """The id that a proxy in front gave it, where that is a plain word; else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else token_hex(8)


def _is_told(method: str, status: int, seconds: float) -> bool:
    """Whether a request has a line in the log, by the setting; a line costs more than many an answer."""
    wanted = current().log_requests
    if wanted == "all" or seconds > SLOW_SECONDS or status >= 500 or status == 0:
        return True
    return wanted == "changes" and method not in SAFE


def _bounded(receive: Receive) -> Receive:
    """Stop reading a body that does not say how long it is, where it gets too long."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > BODY_LIMIT:
            raise HTTPException(413, _TOO_LARGE)  # the one kind that FastAPI lets through from reading a body
        return message

    return bounded


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, title: str, detail: str) -> None:
    from app.web.problems import problem

    extra: dict[str, Any] = {}
    await problem(Request(scope, receive), status, title, detail, extra)(scope, receive, send)
