"""The pages /sign-in, /sign-out and /signed-in."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from app.db import transaction
from app.errors import NotSignedIn, Refusal
from app.services import tries, users
from app.settings import current
from app.web.deps import COOKIE, MaybeSignedIn, address_of, now
from app.web.pages.forms import Form, back_to, local_path, text
from app.web.render import page

router = APIRouter(include_in_schema=False)
BROWSER = "marginalia_browser"  # not a sign-in: only that somebody signed in from here before


@router.get("/sign-in")
def show(request: Request, caller: MaybeSignedIn, next: str = "/") -> Response:
    """The form; who is signed in already goes on."""
    if caller:
        return back_to(local_path(next))
    return page(request, "sign_in.html", next=local_path(next), email="", problem="")


@router.post("/sign-in")
def sign_in(request: Request, form: Form) -> Response:
    """Count the try, check the password outside any transaction (it is slow on purpose), then set a new cookie."""
    email, onward = text(form, "email"), local_path(text(form, "next") or "/")
    browser = request.cookies.get(BROWSER, "")
    try:
        with transaction() as db:
            known = users.look_up(db, email)
            made = tries.begin(db, email, known.user_id, address_of(request), browser, now())
        if not users.is_password(known, str(form.get("password", ""))) or known.user_id is None:
            raise NotSignedIn("This address and password do not belong together.")
    except Refusal as refusal:
        return page(request, "sign_in.html", refusal.status, next=onward, email=email, problem=refusal.detail)
    with transaction() as db:
        tries.succeed(db, made)
        browser = tries.remember_browser(db, known.user_id, browser, now())
        users.end_sign_in(db, request.cookies.get(COOKIE, ""))
        key = users.start_sign_in(db, known.user_id, now())
    response = back_to(onward)
    _set(request, response, COOKIE, key, timedelta(days=current().session_days))
    _set(request, response, BROWSER, browser, tries.KNOWN_FOR)
    return response


def _set(request: Request, response: Response, name: str, value: str, kept: timedelta) -> None:
    secure = current().secure_cookies or request.url.scheme == "https"
    age = int(kept.total_seconds())
    response.set_cookie(name, value, max_age=age, httponly=True, samesite="lax", secure=secure)


@router.post("/sign-out")
def sign_out(marginalia: Annotated[str, Cookie()] = "") -> Response:
    """End this browser's sign-in."""
    if marginalia:
        with transaction() as db:
            users.end_sign_in(db, marginalia)
    response = back_to("/sign-in")
    response.delete_cookie(COOKIE)
    return response


@router.get("/signed-in")
def signed_in(request: Request, caller: MaybeSignedIn) -> Response:
    """Where the labelling page sends somebody whose sign-in had ended: it says that this tab can be closed."""
    return page(request, "signed_in.html", caller=caller) if caller else back_to("/sign-in?next=/signed-in")
