"""The exception tree: every refusal the system can make, with its status and title.

Refusal ─┬─ NotSignedIn 401      ─┬─ Conflict 409
         ├─ Forbidden 403         ├─ TooLarge 413
         ├─ NotFound 404          ├─ BadInput 422 (fields: which, and why)
         ├─ Unavailable 503       ├─ TooManyTries 429
         └─ NoRoom 507
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """A request that is understood and refused; the one handler turns it into problem+json or a page."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra


class NotSignedIn(Refusal):
    """Nobody is signed in, or the token is not valid (any more)."""

    status, title = 401, "Not signed in"


class Forbidden(Refusal):
    """The person is known but may not do this; only shown to those who may know that the thing exists."""

    status, title = 403, "Not allowed"


class NotFound(Refusal):
    """The thing does not exist, or the caller may not know that it does."""

    status, title = 404, "Not found"


class Conflict(Refusal):
    """The request contradicts the present state."""

    status, title = 409, "Conflict"


class TooLarge(Refusal):
    """More bytes, rows or pixels than the settings allow."""

    status, title = 413, "Too large"


class BadInput(Refusal):
    """Input that cannot be used; `errors` lists every place and its reason: {"field"|"line"|"name", "error"}."""

    status, title = 422, "Input cannot be used"

    def __init__(self, detail: str = "", errors: list[dict[str, Any]] | None = None, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.extra["errors"] = errors or []


class TooManyTries(Refusal):
    """Too many failed sign-ins; wait."""

    status, title = 429, "Too many tries"


class Unavailable(Refusal):
    """A part of the system that this needs does not answer."""

    status, title = 503, "Not available now"


class NoRoom(Refusal):
    """The disk is full; nothing was stored."""

    status, title = 507, "No room on the disk"
