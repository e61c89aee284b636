"""People: accounts, passwords, sign-ins, API tokens."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.errors import BadInput, Conflict, NotFound, NotSignedIn, Unavailable
from app.models import SignIn, Token, User
from app.settings import current

SCOPES = ("all", "read", "annotate")
HASHING_SECONDS = 5.0
SIGN_IN = "Sign in, or send a token: Authorization: Bearer …"
READ_ONLY = "This token may only read."
_hasher = PasswordHasher()
# Each hash takes 64 MB: forty at once, by whoever likes, would be more than a small machine has.
_hashing = BoundedSemaphore(4)


@dataclass(frozen=True)
class Caller:
    """Who is asking. A scope narrows what a token may do: `read` changes nothing, `annotate` only labels."""

    user_id: int
    email: str
    name: str
    is_admin: bool
    scope: str = "all"


def caller(user: User, scope: str = "all") -> Caller:
    """The Caller that a user is."""
    return Caller(user.id, user.email, user.name, user.is_admin and scope == "all", scope)


def add_user(db: Session, email: str, name: str, password: str, is_admin: bool, now: datetime) -> User:
    """A new account. Raises BadInput for a bad address or password, Conflict where the address is taken."""
    email = normal_email(email)
    if db.scalar(select(User.id).where(User.email == email)) is not None:
        raise Conflict(f"{email} has an account already.")
    user = User(email=email, name=_kept(name), password_hash=hash_password(password), is_admin=is_admin, created_at=now)
    db.add(user)
    db.flush()
    return user


def normal_email(email: str) -> str:
    """The address in lower case. Raises BadInput where it is none."""
    email = email.strip().lower()
    if len(email) > 254 or not re.fullmatch(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+", email):
        raise BadInput("This is not an e-mail address.", [{"field": "email", "error": "not an e-mail address"}])
    return email


def _kept(name: str, length: int = 200) -> str:
    """A name as it is kept: PostgreSQL holds no NUL."""
    return name.replace("\x00", "").strip()[:length]


def hash_password(password: str) -> str:
    """A password as it is kept. Slow on purpose: call it outside any transaction. Raises BadInput."""
    if not 8 <= len(password) <= 1000:
        raise BadInput(
            "A password has at least 8 characters.", [{"field": "password", "error": "8 to 1000 characters"}]
        )
    return _hasher.hash(password)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """A hash to compare with where no account is, so that the time taken tells nothing."""
    return _hasher.hash(secrets.token_urlsafe())


@dataclass(frozen=True)
class Known:
    """What a sign-in is checked against; `user_id` is None for an address without an account."""

    user_id: int | None
    password_hash: str


def look_up(db: Session, email: str) -> Known:
    """What a sign-in at this address is checked against: the account behind it, or nobody."""
    user = db.scalar(select(User).where(User.email == _kept(email, 254).lower(), User.is_active))
    return known(user)


def known(user: User | None) -> Known:
    """What this person's password is checked against; with None nobody's, which takes as long."""
    nobodys = _nobodys_hash()  # made at the first use, whoever that is of
    return Known(user.id, user.password_hash) if user else Known(None, nobodys)


def is_password(known: Known, password: str) -> bool:
    """Whether this is the account's password. Slow on purpose: call it outside any transaction. Raises Unavailable."""
    if not _hashing.acquire(timeout=HASHING_SECONDS):
        raise Unavailable("Too many people sign in at this moment. Try again in a few seconds.")
    try:
        return _hasher.verify(known.password_hash, password[:1000]) and known.user_id is not None
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _hashing.release()


def start_sign_in(db: Session, user_id: int, now: datetime) -> str:
    """The cookie's value for a browser that has just signed in: always a new one, so that none can be planted."""
    key = secrets.token_urlsafe(32)
    ends_at = now + timedelta(days=current().session_days)
    db.add(SignIn(key_hash=digest(key), user_id=user_id, created_at=now, ends_at=ends_at))
    return key


def end_sign_in(db: Session, key: str) -> None:
    """Sign a browser out."""
    db.execute(delete(SignIn).where(SignIn.key_hash == digest(key)))


@dataclass(frozen=True, slots=True)
class Key:
    """What a request shows of itself: the hash of an API token or of a browser's cookie."""

    is_token: bool
    digest: bytes
    person: str = ""  # whose it is meant to be; "" if that was not said


def key_of(secret: str, is_token: bool, person: str = "") -> Key:
    """The Key that a token or a cookie's value is."""
    return Key(is_token, digest(secret), person)


def check_person(meant: str, user_id: int) -> None:
    """A page that was made for one person must not send their answers as another's, who has signed in since in the
    same browser. Raises NotSignedIn.
    """
    if meant not in ("", str(user_id)):
        raise NotSignedIn("Somebody else is signed in in this browser now.")


def by_key(db: Session, key: Key, now: datetime) -> Caller | None:
    """Who a key belongs to; None where it is nobody's, or over."""
    return _by_token(db, key.digest, now) if key.is_token else _by_cookie(db, key.digest, now)


def by_cookie(db: Session, key: str, now: datetime) -> Caller | None:
    """Who a cookie belongs to."""
    return _by_cookie(db, digest(key), now)


def _by_cookie(db: Session, key_hash: bytes, now: datetime) -> Caller | None:
    query = select(User).join(SignIn).where(SignIn.key_hash == key_hash, SignIn.ends_at > now, User.is_active)
    user = db.scalar(query)
    return caller(user) if user else None


def by_token(db: Session, key: str, now: datetime) -> Caller | None:
    """Who an API token belongs to."""
    return _by_token(db, digest(key), now)


def _by_token(db: Session, key_hash: bytes, now: datetime) -> Caller | None:
    row = db.execute(
        select(User, Token.scope)
        .join(Token)
        .where(Token.key_hash == key_hash, (Token.ends_at.is_(None)) | (Token.ends_at > now), User.is_active)
    ).first()
    return caller(row[0], row[1]) if row else None


def create_token(
    db: Session, user_id: int, name: str, scope: str, days: int | None, now: datetime, latest: datetime | None = None
) -> str:
    """A new API token; this is the only time that it can be read. `latest`: when it ends, however many the days."""
    if scope not in SCOPES:
        raise BadInput("No such scope.", [{"field": "scope", "error": f"one of {', '.join(SCOPES)}"}])
    if days is not None and not 1 <= days <= 3660:
        raise BadInput("A token lasts 1 to 3660 days.", [{"field": "days", "error": "1 to 3660"}])
    key = "mg_" + secrets.token_urlsafe(32)
    ends_at = now + timedelta(days=days) if days else None
    if latest is not None:
        ends_at = min(latest, ends_at or latest)
    db.add(Token(user_id=user_id, name=_kept(name), key_hash=digest(key), scope=scope, created_at=now, ends_at=ends_at))
    return key


def token_end(db: Session, key: str) -> datetime | None:
    """When a token ends; None: never."""
    return db.scalar(select(Token.ends_at).where(Token.key_hash == digest(key)))


def list_tokens(db: Session, user_id: int) -> list[Token]:
    """A person's tokens, newest first; never their keys."""
    return list(db.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc())))


def delete_token(db: Session, user_id: int, token_id: int) -> None:
    """Revoke a token of this person."""
    token = db.scalar(select(Token).where(Token.id == token_id, Token.user_id == user_id))
    if token is None:
        raise NotFound("No such token.")
    db.delete(token)


def by_email(db: Session, email: str) -> User:
    """The account behind an address. Raises NotFound."""
    user = db.scalar(select(User).where(User.email == _kept(email, 254).lower()))
    if user is None:
        raise NotFound(f"Nobody has the address {email}.")
    return user


def by_id(db: Session, user_id: int) -> User:
    """An account by its number. Raises NotFound."""
    user = db.get(User, user_id)
    if user is None:
        raise NotFound("There is no such account.")
    return user


def list_users(db: Session) -> list[User]:
    """Everybody, by address."""
    return list(db.scalars(select(User).order_by(User.email)))


def set_password(db: Session, user_id: int, password_hash: str) -> None:
    """Set a new password, made by `hash_password`, and sign every browser of this person out."""
    db.get_one(User, user_id).password_hash = password_hash
    db.execute(delete(SignIn).where(SignIn.user_id == user_id))


def digest(key: str) -> bytes:
    """What is kept of a cookie's or token's key. It is random and long, so that a quick hash will do."""
    return sha256(key.encode()).digest()
