"""The page /users: the accounts, for admins."""

from fastapi import APIRouter, Request, Response

from app.db import reading, transaction
from app.errors import BadInput, Refusal
from app.services import forgetting, users
from app.services.users import Caller
from app.web.deps import Admin, Id, now
from app.web.pages.forms import Form, back_to, said, text
from app.web.render import page

router = APIRouter(include_in_schema=False)
_TYPED = {"field": "email", "error": "not this person's address"}


@router.get("/users")
def show(request: Request, caller: Admin) -> Response:
    """Everybody with an account, and a form for one more."""
    return _page(request, caller)


@router.post("/users")
def add(request: Request, caller: Admin, form: Form) -> Response:
    """Make an account."""
    try:
        with transaction() as db:
            password = str(form.get("password", ""))
            users.add_user(db, text(form, "email"), text(form, "name"), password, "is_admin" in form, now())
    except Refusal as refusal:
        return _page(request, caller, refusal, form)
    return back_to("/users", "added")


@router.post("/users/{user_id}/forget")
def forget(request: Request, user_id: Id, caller: Admin, form: Form) -> Response:
    """Forget a person, whose address was typed once more: it cannot be taken back."""
    try:
        with reading() as db:
            user = users.by_id(db, user_id)
        if text(form, "email").strip().lower() != user.email:
            raise BadInput("Type the address of the person who is to be forgotten.", [_TYPED])
        forgetting.forget(user_id, "delete" if "labels" in form else "keep", now())
    except Refusal as refusal:
        return _page(request, caller, refusal)
    return back_to("/users", "forgotten")


def _page(request: Request, caller: Caller, refusal: Refusal | None = None, form: Form | None = None) -> Response:
    with reading() as db:
        return page(
            request,
            "users.html",
            refusal.status if refusal else 200,
            caller=caller,
            users=users.list_users(db),
            email=text(form, "email") if form else "",
            name=text(form, "name") if form else "",
            said=said(request),
            problem=refusal.detail if refusal else "",
            errors=refusal.extra.get("errors", []) if refusal else [],
        )
