"""Forgetting a person: the account becomes a pseudonym, and their labels stay under it or go, as is asked for.

Four steps, each of which can be repeated: nobody can sign in; what is in hand goes back; the labels go, some at a time;
the name goes. The address goes last, so that whoever was interrupted finds the account again by it. No step holds what
another waits for: in each the rows are locked in the order of app.services.deleting.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, delete, distinct, exists, func, select, update
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.errors import Conflict
from app.models import (
    LOCK,
    FailedSignIn,
    Item,
    KnownBrowser,
    Label,
    Lease,
    Member,
    Project,
    SignIn,
    Token,
    Upload,
    User,
)
from app.services import leases, rounds, tally

AT_ONCE = 500
PAGE_ROWS = 1000
Labels = Literal["keep", "delete"]


def forget(user_id: int, labels: Labels, now: datetime) -> dict[str, Any]:
    """Forget this person; says what was done. Raises NotFound, and Conflict for the last admin."""
    with transaction() as db:
        _close(db, user_id)
    with transaction() as db:
        _give_back(db, user_id, now)
    deleted = 0
    while labels == "delete":
        with transaction() as db:
            gone = _delete_labels(db, user_id, now)
        deleted += gone
        if not gone:
            break
    with transaction() as db:
        return {"pseudonym": _anonymise(db, user_id), "labels": labels, "labels_deleted": deleted}


def _close(db: Session, user_id: int) -> None:
    """From here on nobody signs in, and no token works."""
    user = db.get_one(User, user_id, with_for_update=LOCK)  # a claim of theirs may hold an item, and names them
    others = select(func.count()).select_from(User).where(User.is_admin, User.is_active, User.id != user_id)
    if user.is_admin and user.is_active and not db.scalar(others):
        raise Conflict("This is the last admin: make another first.")
    user.is_active, user.is_admin = False, False
    for table in (SignIn, Token, Member, KnownBrowser):
        db.execute(delete(table).where(table.user_id == user_id))
    db.execute(delete(FailedSignIn).where(FailedSignIn.email == user.email))


def _give_back(db: Session, user_id: int, now: datetime) -> None:
    """Nothing is in this person's hands any more."""
    live = select(Lease.id, Lease.item_id).where(Lease.user_id == user_id, Lease.ended_at.is_(None))
    held = [(lease_id, item_id) for lease_id, item_id in db.execute(live)]
    if held:
        leases.end_leases(db, held, now)


def _delete_labels(db: Session, user_id: int, now: datetime) -> int:
    """Some of this person's labels, whether they stand or have ended; their items want an answer more again."""
    query = select(Label.id, Label.item_id, Label.project_id).where(Label.user_id == user_id).limit(AT_ONCE)
    found = db.execute(query).all()
    if not found:
        db.execute(delete(Lease).where(Lease.user_id == user_id))
        return 0
    its = select(Project).where(Project.id.in_({one.project_id for one in found})).order_by(Project.id)
    held = db.scalars(its.with_for_update(**LOCK)).all()
    items = sorted({one.item_id for one in found})
    db.execute(select(Item.id).where(Item.id.in_(items)).order_by(Item.id).with_for_update(key_share=True)).all()
    mine = Label.id.in_([one.id for one in found])
    given = select(func.count()).where(
        mine, Label.item_id == Item.id, Label.ended_at.is_(None), Label.answer.is_not(None)
    )
    these = update(Item).where(Item.id.in_(items)).execution_options(synchronize_session=False)
    db.execute(these.values(slots=Item.slots + given.scalar_subquery()))
    before, told = _counted(db, items), _added(db, mine)
    db.execute(delete(Label).where(mine).execution_options(synchronize_session=False))
    after = _counted(db, items)
    for (project_id, who), counts in told.items():
        tally.add(db, project_id, who, tally.Counts() - counts)
    for project_id, counts in before.items():
        tally.add(db, project_id, user_id, after.get(project_id, tally.Counts()) - counts)
    standing = exists().where(Label.item_id == Item.id, Label.ended_at.is_(None))
    db.execute(these.values(is_settled=standing))
    for project in held:
        rounds.ask(db, project, now)  # what the model learned from them is to go, too
    return len(found)


def _added(db: Session, mine: ColumnElement[bool]) -> dict[tuple[int, int], tally.Counts]:
    """What these labels added to the tally as answers and skips, by project and whose row that is in."""
    who = case((Label.chosen_by == "import", tally.NOBODY), else_=Label.user_id).label("who")
    counts = (func.count(Label.answer), func.count() - func.count(Label.answer))
    query = select(Label.project_id, who, *counts).where(mine, Label.ended_at.is_(None))
    found = db.execute(query.group_by(Label.project_id, who))
    return {(project, user): tally.Counts(answers=answers, skips=skips) for project, user, answers, skips in found}


def _counted(db: Session, items: list[int]) -> dict[int, tally.Counts]:
    """How many of these items have a word, and how many an answer, by project."""
    answered = case((Label.answer.is_not(None), Label.item_id))
    counts = (func.count(distinct(Label.item_id)), func.count(distinct(answered)))
    query = select(Label.project_id, *counts).where(Label.item_id.in_(items), Label.ended_at.is_(None))
    found = db.execute(query.group_by(Label.project_id))
    return {project: tally.Counts(settled=settled, labelled=labelled) for project, settled, labelled in found}


def _anonymise(db: Session, user_id: int) -> str:
    user = db.get_one(User, user_id, with_for_update=True)
    user.email, user.name, user.password_hash = f"person-{user_id}@forgotten.invalid", "", "!"
    db.execute(update(Upload).where(Upload.user_id == user_id).values(user_id=None))
    return user.email


def told_of(user_id: int) -> Iterator[dict[str, Any]]:
    """Everything that is kept of a person, a record at a time; a session a page, and never a key or a hash."""
    with reading() as db:
        user = db.get_one(User, user_id)
        yield _record("account", user, "id", "email", "name", "is_admin", "is_active", "created_at")
        for kind, table, names in (
            ("member", Member, ("project_id", "role", "created_at")),
            ("sign_in", SignIn, ("created_at", "ends_at")),
            ("token", Token, ("name", "scope", "created_at", "ends_at")),
            ("known_browser", KnownBrowser, ("seen_at",)),
            ("upload", Upload, ("project_id", "file_name", "state", "created_at")),
            ("lease", Lease, ("project_id", "item_id", "created_at", "ends_at", "ended_at")),
        ):
            for one in db.scalars(select(table).where(table.user_id == user_id)):
                yield _record(kind, one, *names)
        tries = select(FailedSignIn).where(FailedSignIn.email == user.email)
        yield from (_record("failed_sign_in", one, "address", "at") for one in db.scalars(tries))
    yield from _labels(user_id)


def _labels(user_id: int) -> Iterator[dict[str, Any]]:
    names = ("id", "project_id", "item_id", "answer", "skip_reason", "seconds", "chosen_by", "created_at", "ended_at")
    last = None
    while True:
        query = select(Label, Item.external_id).join(Item, Item.id == Label.item_id).where(Label.user_id == user_id)
        if last is not None:
            query = query.where(Label.id > last)
        with reading() as db:
            page = db.execute(query.order_by(Label.id).limit(PAGE_ROWS)).all()
            found = [{**_record("label", label, *names), "external_id": name} for label, name in page]
            last = page[-1][0].id if page else None
        yield from found
        if last is None:
            return


def _record(kind: str, one: Any, *names: str) -> dict[str, Any]:
    return {"kind": kind, **{name: getattr(one, name) for name in names}}
