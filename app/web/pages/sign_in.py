"""The pages /sign-in, /sign-out and /signed-in."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from app.db import reading, transaction
from app.errors import Refusal
from app.services import users
from app.settings import current
from app.web.deps import COOKIE, MaybeSignedIn, now
from app.web.pages.forms import Form, back_to, local_path, text
from app.web.render import page

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def show(request: Request, caller: MaybeSignedIn, next: str = "/") -> Response:
    """The form; who is signed in already goes on."""
    if caller:
        return back_to(local_path(next))
    return page(request, "sign_in.html", next=local_path(next), email="", problem="")


@router.post("/sign-in")
def sign_in(request: Request, form: Form) -> Response:
    """Check the password outside any transaction (it is slow on purpose), then set a new cookie."""
    email, onward = text(form, "email"), local_path(text(form, "next") or "/")
    try:
        with reading() as db:
            known = users.look_up(db, email, now())
    except Refusal as refusal:
        return page(request, "sign_in.html", refusal.status, next=onward, email=email, problem=refusal.detail)
    is_right = users.is_password(known, str(form.get("password", "")))
    with transaction() as db:
        if is_right and known.user_id is not None:
            key = users.start_sign_in(db, known.user_id, now())
        else:
            users.note_failure(db, email, now())
    if not is_right:
        problem = "This address and password do not belong together."
        return page(request, "sign_in.html", 401, next=onward, email=email, problem=problem)
    response = back_to(onward)
    response.set_cookie(
        COOKIE,
        key,
        max_age=current().session_days * 86400,
        httponly=True,
        samesite="lax",
        secure=current().secure_cookies,
    )
    return response


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
