"""What endpoints ask for: who is calling, which number, the time, the coin."""

import random
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from app.db import reading
from app.errors import Forbidden, NotSignedIn
from app.services import users
from app.services.users import Caller, Key

COOKIE = "marginalia"
PERSON = "marginalia-user"  # a header: for whom the page that calls was made
SAFE = {"GET", "HEAD", "OPTIONS"}
# Seeded by the operating system: which claims are random checks must not be foreseeable.
coin = random.SystemRandom()


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def address_of(request: Request) -> str:
    """The caller's network address: behind a proxy that is trusted what it says, else the connection's own.

    Of IPv6 the first half: whoever has one such address has 2^64 of them.
    """
    host = request.client.host if request.client else ""
    try:
        found = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((found, 64), strict=False).network_address) if found.version == 6 else host


def bearer(request: Request) -> str | None:
    """The API token that a request carries. HTTP's own passwords are a proxy's business, and pass unread."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def maybe_signed_in(request: Request) -> Caller | None:
    """Who is calling, by bearer token or cookie; None for nobody. A bad token is nobody, not the cookie's owner.

    A token opens the API and no page: a page's forms know no scopes, so that a token for labelling could make itself
    one for everything there.
    """
    token = bearer(request)
    if token is not None:
        if not request.url.path.startswith("/api/"):
            return None
        with reading() as db:
            return users.by_token(db, token, now())
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    with reading() as db:
        return users.by_cookie(db, cookie, now())


async def keyed(request: Request) -> Key:
    """The key of a request, not looked up yet: for routes of the API that ask who it is in their own transaction.

    A bad token is nobody, not the cookie's owner. Raises NotSignedIn where there is none.
    """
    token = bearer(request)
    if token is not None:
        return users.key_of(token, is_token=True)
    if cookie := request.cookies.get(COOKIE):
        return users.key_of(cookie, is_token=False, person=request.headers.get(PERSON, ""))
    raise NotSignedIn(users.SIGN_IN)


async def signed_in(request: Request, caller: Annotated[Caller | None, Depends(maybe_signed_in)]) -> Caller:
    """Who is calling. Raises NotSignedIn; Forbidden for a read-only token that would change something."""
    if caller is None:
        raise NotSignedIn(users.SIGN_IN)
    users.check_person(request.headers.get(PERSON, ""), caller.user_id)
    # Asking for the next item takes a lease, so it is no mere reading, whatever its method says.
    changes = request.method not in SAFE or request.url.path.endswith("/next")
    if caller.scope == "read" and changes:
        raise Forbidden(users.READ_ONLY)
    return caller


async def full(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
    """A person, or a token that may do all that its owner may. Raises Forbidden."""
    if caller.scope != "all":
        raise Forbidden(f"This token may only {caller.scope}.")
    return caller


async def admin(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
    """A global admin. Raises Forbidden."""
    if not caller.is_admin:
        raise Forbidden("This needs an admin.")
    return caller


MaybeSignedIn = Annotated[Caller | None, Depends(maybe_signed_in)]
Keyed = Annotated[Key, Depends(keyed)]
SignedIn = Annotated[Caller, Depends(signed_in)]
Full = Annotated[Caller, Depends(full)]
Admin = Annotated[Caller, Depends(admin)]
# Beyond 2^63 the databases raise errors of their own.
Id = Annotated[int, Path(ge=1, le=2**62)]
Limit = Annotated[int, Query(ge=1, le=1000)]
