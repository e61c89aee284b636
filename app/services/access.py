"""Access: who is calling, which project it is about and what they may do there, asked in one statement.

The routes that people wait for ask it inside their own transaction. Nothing is remembered between two requests, so a
revoked token, an ended sign-in or a removed member is out with the very next request, in every process.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import FromClause, Integer, Select, bindparam, cast, func, literal, select
from sqlalchemy.orm import Session

from app.errors import Forbidden, NotFound, NotSignedIn
from app.models import Item, Lease, Member, Project, SignIn, Token, User, UtcDateTime
from app.services import projects, users
from app.services.choices import Row
from app.services.users import Caller, Key


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What a claim or an answer needs to know of its project."""

    id: int
    task: dict[str, Any]
    recipe: dict[str, Any]
    next_row: int
    queue_round_id: int | None


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What an answer needs to know of its item; on PostgreSQL its row is locked."""

    id: int
    content: dict[str, Any]
    key: float
    slots: int
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Access:
    """A caller in a project. `holds`: leases of theirs that lived when this was asked; None: it is not said."""

    caller: Caller
    project: ProjectFacts
    role: str
    holds: int | None

    @property
    def may_review(self) -> bool:
        """Whether this person may answer an item that wants no more answers."""
        return self.role in ("lead", "reviewer")


def to_project(db: Session, key: Key, project_id: int, now: datetime) -> Access:
    """The caller in a project. Until the transaction ends, no other request of this person passes here.

    Raises NotSignedIn, Forbidden for a read-only token, NotFound for strangers and where there is no such project.
    """
    found = _ask(db, key, now, "project", project_id)
    return _access(db, key, now, found, "No such project.")


def to_item(db: Session, key: Key, item_id: int, now: datetime, then_next: bool = False) -> tuple[Access, ItemFacts]:
    """The caller in the project of an item, and the item, locked. Raises as `to_project` does.

    then_next: the caller claims afterwards, in the same transaction.
    """
    found = _ask(db, key, now, "item and next" if then_next else "item", item_id)
    access = _access(db, key, now, found, "No such item.")
    assert found is not None  # noqa: S101  # _access has raised
    return access, ItemFacts(found["item_id"], found["content"], found["key"], found["slots"], found["is_settled"])


def _ask(db: Session, key: Key, now: datetime, about: str, number: int) -> Row | None:
    connection = db.connection()
    query = _query(key.is_token, about, connection.dialect.name == "postgresql")
    return connection.execute(query, {"digest": key.digest, "now": now, "number": number}).mappings().first()


def _access(db: Session, key: Key, now: datetime, found: Row | None, missing: str) -> Access:
    if found is None or found["user_id"] is None:
        if found is not None or users.by_key(db, key, now) is None:
            raise NotSignedIn(users.SIGN_IN)
        raise NotFound(missing)
    users.check_person(key.person, found["user_id"])
    scope = found["scope"] or "all"
    caller = Caller(found["user_id"], found["email"], found["name"], found["is_admin"] and scope == "all", scope)
    if scope == "read":
        raise Forbidden(users.READ_ONLY)
    role = projects.role_as(caller, found["role"])
    if role is None:
        raise NotFound(missing)
    facts = ProjectFacts(
        found["project_id"], found["task"], found["recipe"], found["next_row"], found["queue_round_id"]
    )
    return Access(caller, facts, role, found["holds"])


@cache
def _query(is_token: bool, about: str, is_postgresql: bool) -> Select[Any]:
    """The statement, built once: its text never changes, so the database need not plan it anew, either."""
    door: type[Token | SignIn] = Token if is_token else SignIn
    now = bindparam("now", type_=UtcDateTime())
    is_open = (door.key_hash == bindparam("digest")) & (door.ends_at.is_(None) | (door.ends_at > now))
    own = [Lease.project_id == Project.id, Lease.user_id == User.id, Lease.ended_at.is_(None), Lease.ends_at > now]
    holds = select(func.count()).select_from(Lease).where(*own).correlate(Project, User).scalar_subquery()
    columns: list[Any] = [User.id.label("user_id"), User.email, User.name, User.is_admin, Member.role]
    columns += [Token.scope if is_token else literal("all").label("scope"), holds.label("holds")]
    columns += [Project.id.label("project_id"), Project.task, Project.recipe, Project.next_row, Project.queue_round_id]
    source: FromClause = Project.__table__
    if about != "project":
        columns += [Item.id.label("item_id"), Item.content, Item.key, Item.slots, Item.is_settled]
        source = Item.__table__.join(Project.__table__, Project.id == Item.project_id)
    source = source.outerjoin(door, is_open).outerjoin(User, (User.id == door.user_id) & User.is_active)
    source = source.outerjoin(Member, (Member.project_id == Project.id) & (Member.user_id == User.id))
    if is_postgresql and about != "item":
        # Two tabs of one person take turns, or both would be given the same item.
        columns.append(func.pg_advisory_xact_lock(_key_part(Project.id), _key_part(User.id)).label("turn"))
    query = select(*columns).select_from(source)
    if about == "project":
        return query.where(Project.id == bindparam("number"))
    return query.where(Item.id == bindparam("number")).with_for_update(of=Item, key_share=True)


def _key_part(number: Any) -> Any:
    return cast(number % 2**31, Integer)
