"""Who am I; my tokens; accounts, for admins."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.db import reading, transaction
from app.services import forgetting, users
from app.web.answers import answer
from app.web.deps import Admin, Full, Id, SignedIn, bearer, now
from app.web.schemas import TokenIn, UserIn
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1", tags=["accounts"], route_class=StrictRoute)
_LINES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-ndjson": {}}}}


@router.get("/me")
def me(caller: SignedIn) -> Response:
    """Who this token or cookie belongs to."""
    return answer(vars(caller))


@router.get("/me/data", response_class=Response, responses=_LINES)
def my_data(caller: SignedIn) -> Response:
    """Everything that is kept of you, as JSON Lines: account, roles, sign-ins, tokens without keys, labels."""
    return _told(caller.user_id)


@router.get("/users/{user_id}/data", response_class=Response, responses=_LINES)
def data_of(user_id: Id, admin: Admin) -> Response:  # noqa: ARG001
    """Everything that is kept of a person, as JSON Lines."""
    with reading() as db:
        users.by_id(db, user_id)
    return _told(user_id)


@router.delete("/users/{user_id}")
def forget(user_id: Id, admin: Admin, labels: Annotated[Literal["keep", "delete"], Query()]) -> Response:  # noqa: ARG001
    """Forget a person: the account becomes a pseudonym; their labels stay under it, or are deleted, as is said."""
    with reading() as db:
        users.by_id(db, user_id)
    return answer(forgetting.forget(user_id, labels, now()))


def _told(user_id: int) -> Response:
    lines = (orjson.dumps(one, option=orjson.OPT_UTC_Z) + b"\n" for one in forgetting.told_of(user_id))
    name = f'attachment; filename="person-{user_id}.jsonl"'
    return StreamingResponse(lines, media_type="application/x-ndjson", headers={"Content-Disposition": name})


@router.get("/tokens")
def tokens(caller: SignedIn) -> Response:
    """Your API tokens, without their keys."""
    with reading() as db:
        names = ("id", "name", "scope", "created_at", "ends_at")
        found = users.list_tokens(db, caller.user_id)
        return answer({"tokens": [{name: getattr(token, name) for name in names} for token in found]})


@router.post("/tokens", status_code=201)
def create_token(request: Request, wanted: TokenIn, caller: Full) -> Response:
    """A new token; its key is shown this once. One that a token makes ends with that token at the latest."""
    with transaction() as db:
        maker = bearer(request)
        latest = users.token_end(db, maker) if maker else None
        key = users.create_token(db, caller.user_id, wanted.name, wanted.scope, wanted.days, now(), latest)
        return answer({"token": key, "scope": wanted.scope}, 201)


@router.delete("/tokens/{token_id}", status_code=204)
def delete_token(token_id: Id, caller: Full) -> Response:
    """Revoke one of your tokens."""
    with transaction() as db:
        users.delete_token(db, caller.user_id, token_id)
        return Response(status_code=204)


@router.get("/users")
def listed(admin: Admin) -> Response:  # noqa: ARG001  # the dependency is the check
    """Every account."""
    with reading() as db:
        names = ("id", "email", "name", "is_admin", "is_active", "created_at")
        return answer({"users": [{name: getattr(user, name) for name in names} for user in users.list_users(db)]})


@router.post("/users", status_code=201)
def add_user(admin: Admin, wanted: UserIn) -> Response:  # noqa: ARG001
    """A new account."""
    with transaction() as db:
        user = users.add_user(db, wanted.email, wanted.name, wanted.password, wanted.is_admin, now())
        return answer({"id": user.id, "email": user.email, "name": user.name, "is_admin": user.is_admin}, 201)
