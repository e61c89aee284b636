"""The page /account: one's password and API tokens."""

from fastapi import APIRouter, Request, Response

from app.db import reading, transaction
from app.errors import BadInput, Refusal
from app.services import tries, users
from app.services.users import Caller
from app.web.deps import Id, SignedIn, address_of, now
from app.web.pages.forms import Form, back_to, said, text
from app.web.pages.sign_in import BROWSER
from app.web.render import page

router = APIRouter(include_in_schema=False)


@router.get("/account")
def show(request: Request, caller: SignedIn) -> Response:
    """Who I am here, and my tokens."""
    return _page(request, caller)


@router.post("/account/password")
def change_password(request: Request, caller: SignedIn, form: Form) -> Response:
    """Set a new password; every browser must sign in again, this one too. Guessing the old one is a try to sign in."""
    try:
        if form.get("new") != form.get("again"):
            raise BadInput("The two new passwords differ.")
        made_hash = users.hash_password(str(form.get("new", "")))
        with transaction() as db:
            known = users.look_up(db, caller.email)
            browser = request.cookies.get(BROWSER, "")
            made = tries.begin(db, caller.email, caller.user_id, address_of(request), browser, now())
        if not users.is_password(known, str(form.get("old", ""))):
            error = {"field": "old", "error": "not the present password"}
            raise BadInput("The present password is not right.", [error])
        with transaction() as db:
            tries.succeed(db, made)
            users.set_password(db, caller.user_id, made_hash)
    except Refusal as refusal:
        return _page(request, caller, refusal=refusal)
    return back_to("/sign-in?next=/account")


@router.post("/account/tokens")
def create_token(request: Request, caller: SignedIn, form: Form) -> Response:
    """Make a token. It is in this answer and nowhere else, so the page comes without a redirect."""
    days = text(form, "days")
    try:
        if days and not (days.isascii() and days.isdigit() and len(days) < 9):
            raise BadInput("Days are a number.", [{"field": "days", "error": "a number, or empty"}])
        with transaction() as db:
            ends_in = int(days) if days else None
            made = users.create_token(db, caller.user_id, text(form, "name"), text(form, "scope"), ends_in, now())
    except BadInput as refusal:
        return _page(request, caller, refusal=refusal)
    return _page(request, caller, made=made)


@router.post("/account/tokens/{token_id}/delete")
def delete_token(caller: SignedIn, token_id: Id) -> Response:
    """Revoke a token."""
    with transaction() as db:
        users.delete_token(db, caller.user_id, token_id)
    return back_to("/account", "removed")


def _page(request: Request, caller: Caller, made: str = "", refusal: Refusal | None = None) -> Response:
    with reading() as db:
        return page(
            request,
            "account.html",
            refusal.status if refusal else 200,
            caller=caller,
            tokens=users.list_tokens(db, caller.user_id),
            made=made,
            now=now(),
            said=said(request),
            problem=refusal.detail if refusal else "",
            errors=refusal.extra.get("errors", []) if refusal else [],
        )
