"""The tally: how many answers, skips and answered items a project has, without counting them.

Counting labels takes longer the more there are. A row a person holds what that person's labels added, so that two
people never wait for each other's row; the sum of a project's rows is the project's. Imports are nobody's: person 0.
Whoever writes labels keeps it in step, in the same transaction; `marginalia check` compares it with the labels.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table, case, delete, distinct, func, select, text
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import Label, Project, Tally
from app.services.access import ProjectFacts

NOBODY = 0
COUNTS = ("settled", "labelled", "answers", "skips")
_table: Table = Tally.metadata.tables["tally"]


@dataclass(frozen=True)
class Counts:
    """Items with an answer or a skip, items with an answer, answers, skips; what stands, not what ended."""

    settled: int = 0
    labelled: int = 0
    answers: int = 0
    skips: int = 0

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def of_project(db: Session, project_id: int) -> Counts:
    """A project's counts."""
    sums = [func.coalesce(func.sum(_table.c[name]), 0) for name in COUNTS]
    return Counts(*map(int, db.execute(select(*sums).where(_table.c.project_id == project_id)).one()))


def of_person(db: Session, project_id: int, user_id: int) -> Counts:
    """What one person's labels added, but for imported ones."""
    mine = [_table.c.project_id == project_id, _table.c.user_id == user_id]
    row = db.execute(select(*(_table.c[name] for name in COUNTS)).where(*mine)).first()
    return Counts(*row) if row else Counts()


def people(db: Session, project_id: int) -> set[int]:
    """Whose rows a project has."""
    return set(db.scalars(select(_table.c.user_id).where(_table.c.project_id == project_id)))


def total(each: Iterable[Counts]) -> Counts:
    """The sum."""
    return Counts(*map(sum, zip(*(astuple(one) for one in [Counts(), *each]), strict=True)))


def unsettled(db: Session, project: Project | ProjectFacts) -> int:
    """How many items nobody has answered or skipped: what a random check is drawn from. At least 1."""
    query = select(func.coalesce(func.sum(_table.c.settled), 0)).where(_table.c.project_id == project.id)
    return max(1, project.next_row - int(db.execute(query).scalar_one()))


def has_all(db: Session, project: Project | ProjectFacts, user_id: int) -> bool:
    """Whether this person has answered or skipped every item, as far as the tally tells; imports are not in it."""
    mine = of_person(db, project.id, user_id)
    return mine.answers + mine.skips >= project.next_row


def add(db: Session, project_id: int, user_id: int, change: Counts) -> None:
    """Add to a person's row, which is made where there is none."""
    if change == Counts():
        return
    values = dict(zip(COUNTS, astuple(change), strict=True))
    connection = db.connection()
    told = {"project_id": project_id, "user_id": user_id, **values}
    connection.execute(upsert(connection.dialect.name), told)


@contextmanager
def following(db: Session, label: Label, user_id: int) -> Iterator[None]:
    """Keep the tally in step with whatever the block does to this person's labels of an item, which is locked.

    label: the one that is written or ended; how its item had been chosen says whether it is an import's.
    """
    item_id, before = label.item_id, _of_item(db, label.item_id, user_id)
    yield
    db.flush()
    who = NOBODY if label.chosen_by == "import" else user_id
    add(db, label.project_id, who, _of_item(db, item_id, user_id) - before)


def _of_item(db: Session, item_id: int, user_id: int) -> Counts:
    mine = func.coalesce(func.sum(case((Label.user_id == user_id, 1), else_=0)), 0)
    mine_answered = func.coalesce(
        func.sum(case(((Label.user_id == user_id) & Label.answer.is_not(None), 1), else_=0)), 0
    )
    counts = [func.count(), func.count(Label.answer), mine_answered, mine]
    query = select(*counts).where(Label.item_id == item_id, Label.ended_at.is_(None))
    labels, answers, own_answers, own = db.execute(query).one()
    return Counts(int(labels > 0), int(answers > 0), int(own_answers), int(own) - int(own_answers))


@cache
def upsert(dialect: str) -> Any:
    """INSERT … ON CONFLICT: add to the row that is there."""
    made: Any = (postgresql if dialect == "postgresql" else sqlite).insert(_table)
    sums = {name: _table.c[name] + made.excluded[name] for name in COUNTS}
    return made.on_conflict_do_update(index_elements=["project_id", "user_id"], set_=sums)


def recount(db: Session, project_id: int) -> None:
    """Write a project's rows anew from its labels, while nobody writes one."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(text("LOCK TABLE label IN SHARE ROW EXCLUSIVE MODE"))
    db.execute(delete(_table).where(_table.c.project_id == project_id))
    rows = [{"project_id": project_id, "user_id": user, **_named(counts)} for user, counts in counted(db, project_id)]
    if rows:
        db.execute(plain_insert(_table), rows)


def _named(counts: Counts) -> dict[str, int]:
    return dict(zip(COUNTS, astuple(counts), strict=True))


def counted(db: Session, project_id: int) -> list[tuple[int, Counts]]:
    """What the labels say: answers and skips by person; the items of all, which are no one person's, with NOBODY's."""
    who = case((Label.chosen_by == "import", NOBODY), else_=Label.user_id).label("who")
    standing = [Label.project_id == project_id, Label.ended_at.is_(None)]
    query = select(who, func.count(Label.answer), func.count() - func.count(Label.answer)).where(*standing)
    found = {user: (answers, skips) for user, answers, skips in db.execute(query.group_by(who))}
    answered_item = case((Label.answer.is_not(None), Label.item_id))
    items = select(func.count(distinct(Label.item_id)), func.count(distinct(answered_item))).where(*standing)
    settled, labelled = db.execute(items).one()
    found.setdefault(NOBODY, (0, 0))
    return [
        (user, Counts(settled if user == NOBODY else 0, labelled if user == NOBODY else 0, answers, skips))
        for user, (answers, skips) in sorted(found.items())
        if user != NOBODY or settled
    ]
