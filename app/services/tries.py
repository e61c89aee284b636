"""Tries to sign in: counted in the database before the password is looked at, by account, address and browser.

Whoever guesses is slowed down, in every web process together; whom they guess at is not locked out: a browser that
has signed in before has a count of its own.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.orm import Session

from app.errors import TooManyTries
from app.models import FailedSignIn, KnownBrowser
from app.services.users import digest

WITHIN = timedelta(minutes=15)
PER_PAIR = 10  # one account from one address, or from one known browser
PER_ADDRESS = 100  # a whole laboratory may sit behind one address
PER_ACCOUNT = 100  # from addresses without number
KNOWN_FOR = timedelta(days=180)
KNOWN_BROWSERS = 20  # of a person
_LOCK = 0x7369676E  # "sign": one number for all tries, as an advisory lock wants one


@dataclass(frozen=True)
class Try:
    """A try under way: a failure until it is taken back."""

    id: int
    email: str
    address: str
    browser: bytes | None


def begin(db: Session, email: str, user_id: int | None, address: str, browser: str, now: datetime) -> Try:
    """Count a try before it is made, so that a hundred at once are not all the first. Raises TooManyTries.

    `user_id` is whose account it is, None of nobody's: both are counted alike. `browser`: the key that the browser was
    given when it last signed in, or anything.
    """
    if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    email, address = _kept(email, 254), _kept(address, 64)
    known = _known(db, user_id, browser, now)
    if _is_too_many(db, email, address, known, now):
        raise TooManyTries("Too many failed sign-ins. Try again in a quarter of an hour.")
    made = FailedSignIn(email=email, address=address, browser=known, at=now)
    db.add(made)
    db.flush()
    return Try(made.id, email, address, known)


def _kept(value: str, length: int) -> str:
    """A text as it is kept: PostgreSQL holds no NUL."""
    return value.replace("\x00", "").strip().lower()[:length]


def _known(db: Session, user_id: int | None, browser: str, now: datetime) -> bytes | None:
    mine = (KnownBrowser.key_hash == digest(browser), KnownBrowser.user_id == user_id)
    found = browser and db.scalar(select(KnownBrowser.key_hash).where(*mine, KnownBrowser.seen_at > now - KNOWN_FOR))
    return found or None


def _is_too_many(db: Session, email: str, address: str, browser: bytes | None, now: datetime) -> bool:
    if browser is not None:
        return _count(db, now, FailedSignIn.browser == browser) >= PER_PAIR
    unknown = FailedSignIn.browser.is_(None)
    return (
        _count(db, now, FailedSignIn.email == email, FailedSignIn.address == address, unknown) >= PER_PAIR
        or _count(db, now, FailedSignIn.email == email, unknown) >= PER_ACCOUNT
        or _count(db, now, FailedSignIn.address == address, unknown) >= PER_ADDRESS
    )


def _count(db: Session, now: datetime, *which: ColumnElement[bool]) -> int:
    counting = select(func.count()).select_from(FailedSignIn)
    return db.scalar(counting.where(FailedSignIn.at > now - WITHIN, *which)) or 0


def succeed(db: Session, done: Try) -> None:
    """Take a try back that was none in vain, with the failures that this person had made here before."""
    same = FailedSignIn.browser == done.browser if done.browser else FailedSignIn.browser.is_(None)
    db.execute(delete(FailedSignIn).where(FailedSignIn.email == done.email, FailedSignIn.address == done.address, same))


def remember_browser(db: Session, user_id: int, browser: str, now: datetime) -> str:
    """The key by which this browser is known from now on, for a cookie: its present one, or a new one."""
    mine = (KnownBrowser.key_hash == digest(browser), KnownBrowser.user_id == user_id)
    if browser and db.scalar(select(KnownBrowser.key_hash).where(*mine)):
        db.execute(update(KnownBrowser).where(*mine).values(seen_at=now))
        return browser
    key = secrets.token_urlsafe(32)
    db.add(KnownBrowser(key_hash=digest(key), user_id=user_id, seen_at=now))
    db.flush()
    newest = select(KnownBrowser.key_hash).where(KnownBrowser.user_id == user_id)
    newest = newest.order_by(KnownBrowser.seen_at.desc()).limit(KNOWN_BROWSERS)
    kept = db.scalars(newest).all()
    db.execute(delete(KnownBrowser).where(KnownBrowser.user_id == user_id, KnownBrowser.key_hash.not_in(kept)))
    return key


def forget(db: Session, now: datetime) -> None:
    """Delete what no longer counts."""
    db.execute(delete(FailedSignIn).where(FailedSignIn.at < now - WITHIN))
    db.execute(delete(KnownBrowser).where(KnownBrowser.seen_at < now - KNOWN_FOR))


def forget_account(db: Session, email: str) -> None:
    """Let an account be tried again at once: an operator gives it a new password."""
    db.execute(delete(FailedSignIn).where(FailedSignIn.email == _kept(email, 254)))
