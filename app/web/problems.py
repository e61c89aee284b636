"""One exception, two faces: application/problem+json (RFC 9457) for the API, a page for people."""

from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from app import log, outages
from app.errors import NotSignedIn, Refusal
from app.web.answers import answer
from app.web.render import page

_log = log.get(__name__)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
TITLES = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    422: "Input cannot be used",
}
NOWHERE = "Nothing is at this address. It may be mistyped, or what was here is gone."


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in outages.KINDS:
        app.add_exception_handler(kind, _outage)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101  # Starlette hands over what we registered for
    if isinstance(error, NotSignedIn) and is_page(request):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        where = f"?next={quote(here)}" if request.method == "GET" and here != "/" else ""
        return RedirectResponse(f"/sign-in{where}", status_code=303)
    return problem(request, error.status, error.title, error.detail, error.extra)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [
        {"field": ".".join(str(part) for part in each["loc"][1:]) or "body", "error": each["msg"]}
        for each in error.errors()
    ]
    return problem(request, 422, TITLES[422], "Some fields cannot be used.", {"errors": errors})


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    title = TITLES.get(error.status_code, "Refused")
    said = NOWHERE if error.status_code == 404 else str(error.detail)
    found = problem(request, error.status_code, title, said, {})
    found.headers.update(error.headers or {})
    if error.status_code == 405:  # the router names the methods of one route; another may have the same path
        found.headers["Allow"] = ", ".join(method for method in METHODS if _answers(request, method))
    return found


def _answers(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] == Match.FULL for route in request.app.router.routes)


def _outage(request: Request, error: Exception) -> Response:
    """A full disk or a database that is away: told in a line of the log, without the traceback of every request."""
    refusal = outages.refusal_of(error)
    if refusal is None:
        return _unforeseen(request, error)
    _log.warning("outage", path=request.url.path, status=refusal.status, error=str(error).splitlines()[0][:300])
    found = problem(request, refusal.status, refusal.title, refusal.detail, {})
    found.headers["Retry-After"] = "1"
    return found


def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001  # Starlette's signature
    """The connection ended in the middle of a body: nobody reads this, and it is no fault of ours."""
    return problem(request, 400, TITLES[400], "The connection was closed before everything had come.", {})


def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("unforeseen error", path=request.url.path, exc_info=error)
    detail = "Something went wrong on our side. What you had sent before is safe; try again."
    return problem(request, 500, "Error", detail, {})


def problem(request: Request, status: int, title: str, detail: str, extra: dict[str, Any]) -> Response:
    """An error as JSON or as a page, by what was asked for."""
    request_id = request.scope.get("request_id", "")
    if not is_page(request):
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "request_id": request_id}
        found = answer({**body, **extra}, status, "application/problem+json")
    else:
        errors = extra.get("errors", [])
        told = {"title": title, "detail": detail, "errors": errors, "request_id": request_id}
        found = page(request, "error.html", status=status, **{"status_code": status, **told})
    if status == 401:
        found.headers["WWW-Authenticate"] = "Bearer"
    return found


def is_page(request: Request) -> bool:
    """Whether a person's browser asks for a page."""
    return not request.url.path.startswith(("/api/", "/static/")) and "text/html" in request.headers.get("accept", "")
