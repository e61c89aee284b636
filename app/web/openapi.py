"""The description of the API for machines: FastAPI's own, with every refusal that a route can give."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.errors import BadInput, Conflict, Forbidden, NoRoom, NotFound, NotSignedIn, Refusal, TooLarge, Unavailable

PROBLEM = "application/problem+json"
_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "An error as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "request_id": {"type": "string", "description": "Found again in the server's log."},
        "errors": {
            "type": "array",
            "description": "Every place and its reason.",
            "items": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
        },
    },
}
_EVERYWHERE: tuple[type[Refusal], ...] = (Refusal, NotSignedIn, Forbidden, BadInput, NoRoom, Unavailable)


def describe(app: FastAPI) -> None:
    """Let the application give this description."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes, tags=None
            )
            app.openapi_schema = _completed(found)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way of changing it


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's errors, which ours replace
        schemas.pop(unused, None)
    schemas["Problem"] = _SCHEMA
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            operation["responses"].pop("422", None)
            if path.startswith("/api/"):  # probes are never refused
                for each in _refusals(path, method, operation):
                    operation["responses"].setdefault(str(each.status), response_of(each))
                operation["security"] = [{"token": []}]
    return found


def _refusals(path: str, method: str, operation: dict[str, Any]) -> list[type[Refusal]]:
    found = [*_EVERYWHERE]
    if "{" in path or method == "post":  # a person or a class may be missing, too
        found.append(NotFound)
    if method != "get":
        found.append(Conflict)
    if "requestBody" in operation:
        found.append(TooLarge)
    return found


def response_of(refusal: type[Refusal]) -> dict[str, Any]:
    """A refusal as a route names it that gives one beyond the usual."""
    return {
        "description": refusal.title,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
