"""The invariants of the rows: slots, marks, leases, queue, rounds. Each is a question; some have a remedy.

A remedy locks the items that it touches first, as everybody does who changes slots: counted before the lock, an
answer that came meanwhile would be counted wrong.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.models import Encoding, Item, Label, Lease, Project, QueueRow, Round
from app.services import leases, tally
from app.services.findings import Finding, finding
from app.services.measuring import LEASE as MEASURING
from app.settings import current

GRACE = timedelta(seconds=60)  # a sweep comes twice a second; whatever is a minute late, none has ended
AT_ONCE = 500


def _right_slots(project: Project) -> ColumnElement[int]:
    """Answers wanted − answers that stand − leases that live."""
    answers = (
        select(func.count())
        .where(Label.item_id == Item.id, Label.ended_at.is_(None), Label.answer.is_not(None))
        .scalar_subquery()
    )
    live = select(func.count()).where(Lease.item_id == Item.id, Lease.ended_at.is_(None)).scalar_subquery()
    right: ColumnElement[int] = project.recipe["votes_wanted"] - answers - live
    return right


def _wrong_slots(db: Session, project: Project) -> list[int]:
    query = select(Item.id).where(Item.project_id == project.id, Item.slots != _right_slots(project))
    return list(db.scalars(query.order_by(Item.id)))


def slots(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001  # a Look
    """Every item's slots add up."""
    return finding(
        "slots",
        _wrong_slots(db, project),
        "items whose slots do not add up",
        "An item counts more or fewer free places than answers wanted minus answers given minus leases out: it is "
        "asked too often, or never again.",
    )


def mend_slots(db: Session, project: Project, now: datetime) -> int:  # noqa: ARG001  # a Mend
    """Count them anew, with the items locked."""
    return _update_locked(db, _wrong_slots(db, project), {"slots": _right_slots(project)})


def _update_locked(db: Session, item_ids: list[int], values: dict[str, Any]) -> int:
    for start in range(0, len(item_ids), AT_ONCE):
        part = Item.id.in_(item_ids[start : start + AT_ONCE])
        db.execute(select(Item.id).where(part).order_by(Item.id).with_for_update(key_share=True)).all()
        db.execute(update(Item).where(part).values(**values).execution_options(synchronize_session=False))
    return len(item_ids)


def _is_answered() -> ColumnElement[bool]:
    return exists().where(Label.item_id == Item.id, Label.ended_at.is_(None))


def _unsettled(db: Session, project: Project) -> list[int]:
    query = select(Item.id).where(Item.project_id == project.id, Item.is_settled != _is_answered())
    return list(db.scalars(query.order_by(Item.id)))


def settled(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """An item is marked as settled exactly while an answer or a skip stands."""
    return finding(
        "settled",
        _unsettled(db, project),
        "items whose settled mark is wrong",
        "The mark says that somebody has answered where nobody has, or the other way round: random checks would ask "
        "it twice, or never.",
    )


def mend_settled(db: Session, project: Project, now: datetime) -> int:  # noqa: ARG001
    """Mark them anew, with the items locked."""
    return _update_locked(db, _unsettled(db, project), {"is_settled": _is_answered()})


def over_wanted(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """No item has more answers than were wanted, but for those of a review, an import, or one that came late.

    A late answer is kept on purpose; one that came in time is known by its lease, which it ended itself, at the very
    moment of its own. Which of two times is later would say nothing: clocks are set back. A person's second word on an
    item is left out: it may have followed a late one that was taken back. Leases are kept for a day; what is older
    passes. Wanted is the most that any round of the project wanted.
    """
    lease, other = aliased(Lease), aliased(Label)
    in_time = exists().where(
        lease.item_id == Label.item_id,
        lease.user_id == Label.user_id,
        lease.ended_at == Label.created_at,
        lease.ends_at > Label.created_at,
    )
    again = exists().where(other.item_id == Label.item_id, other.user_id == Label.user_id, other.id != Label.id)
    recipes = db.scalars(select(Round.recipe).where(Round.project_id == project.id)).all()
    wanted = max([project.recipe["votes_wanted"], *(one.get("votes_wanted", 1) for one in recipes)])
    query = (
        select(Label.item_id)
        .where(
            Label.project_id == project.id,
            Label.ended_at.is_(None),
            Label.answer.is_not(None),
            Label.chosen_by.not_in(["review", "import"]),
            in_time,
            ~again,
        )
        .group_by(Label.item_id)
        .having(func.count() > wanted)
    )
    return finding(
        "over_wanted",
        list(db.scalars(query)),
        "items with more answers than wanted",
        "More people answered an item than were to, although none of them was late. Every answer is kept and counts; "
        "please report it.",
    )


def _past_their_end(project: Project, now: datetime) -> list[ColumnElement[bool]]:
    return [Lease.project_id == project.id, Lease.ended_at.is_(None), Lease.ends_at < now - GRACE]


def leases_past_their_end(db: Session, project: Project, now: datetime) -> Finding | None:
    """A lease outlives its end by a sweep or two at most."""
    return finding(
        "leases",
        list(db.scalars(select(Lease.id).where(*_past_their_end(project, now)))),
        "leases past their end that no sweep has ended",
        "Items are promised to people who have gone. A worker and beat give them back; here none has run for a minute.",
    )


def mend_leases(db: Session, project: Project, now: datetime) -> int:
    """End them, which gives their slots back."""
    query = select(Lease.id, Lease.item_id).where(*_past_their_end(project, now))
    found = [(lease_id, item_id) for lease_id, item_id in db.execute(query)]
    return sum(
        leases.end_leases(db, found[start : start + AT_ONCE], now, only_expired=True)
        for start in range(0, len(found), AT_ONCE)
    )


def rows(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """Row numbers are dense from 0 to next_row."""
    bounds = select(func.count(), func.min(Item.row), func.max(Item.row), func.max(Project.next_row))
    mine = bounds.select_from(Project).outerjoin(Item, Item.project_id == Project.id).where(Project.id == project.id)
    _, least, most, next_row = db.execute(mine).one()
    count = db.scalar(select(func.count()).select_from(Item).where(Item.project_id == project.id))
    is_dense = count == next_row and (count == 0 or (least == 0 and most == count - 1))
    return finding(
        "rows",
        [] if is_dense else [f"{count} items, rows {least} to {most}, next {next_row}"],
        "gaps in the row numbers",
        "An item's row is its place in the arrays on disk. With a gap, features and scores belong to other items.",
    )


def _is_queue_wrong(db: Session, project: Project) -> bool:
    if project.queue_round_id is None:
        return False
    made = db.get(Round, project.queue_round_id)
    if made is None or made.state != "published" or made.project_id != project.id:
        return True
    foreign = select(QueueRow.rank).join(Item, Item.id == QueueRow.item_id)
    return bool(db.scalar(foreign.where(QueueRow.round_id == made.id, Item.project_id != project.id).limit(1)))


def queue(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """The queue's round is one that exists, was published, and is of this project."""
    return finding(
        "queue",
        [project.queue_round_id] if _is_queue_wrong(db, project) else [],
        "a queue without its round",
        "People are asked in random order instead of by the model until the next round.",
    )


def mend_queue(db: Session, project: Project, now: datetime) -> int:
    """Go back to the newest published round, and ask for another."""
    newest = select(Round.id).where(Round.project_id == project.id, Round.state == "published")
    project.queue_round_id = db.scalar(newest.order_by(Round.number.desc()).limit(1))
    db.flush()
    if _is_queue_wrong(db, project):
        project.queue_round_id = None
    project.round_asked_at = now
    return 1


def _late_rounds(project: Project, now: datetime) -> list[ColumnElement[bool]]:
    late = now - GRACE - timedelta(seconds=current().heartbeat_seconds)
    open_too_long = (Round.state == "open") & or_(Round.lease_ends_at.is_(None), Round.lease_ends_at < late)
    endless = Round.measure_ends_at > now + 2 * MEASURING
    return [Round.project_id == project.id, or_(open_too_long, endless)]


def rounds_past_their_end(db: Session, project: Project, now: datetime) -> Finding | None:
    """An open round has a worker behind it, or is taken over soon after its lease ends."""
    return finding(
        "rounds",
        list(db.scalars(select(Round.number).where(*_late_rounds(project, now)))),
        "rounds that no worker holds and none has taken over",
        "A worker died in the middle, and none runs that could go on.",
    )


def mend_rounds(db: Session, project: Project, now: datetime) -> int:
    """End them; the next is made as soon as a worker runs."""
    for made in db.scalars(select(Round).where(*_late_rounds(project, now))):
        if made.state == "open":
            made.state, made.error, made.lease_ends_at = "failed", "its worker gave no sign of life", None
        made.measure_ends_at = None
    return 1


def encoding_in_use(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """The features in use are of an encoding that exists and is the project's own."""
    one = db.get(Encoding, project.encoding_id) if project.encoding_id else None
    is_wrong = project.encoding_id is not None and (one is None or one.project_id != project.id)
    return finding(
        "encoding_in_use",
        [project.encoding_id] if is_wrong else [],
        "features in use that no encoding made",
        "No round can run.",
    )


def mend_encoding_in_use(db: Session, project: Project, now: datetime) -> int:  # noqa: ARG001
    """Use what is there: the encoding with most rows."""
    most = select(Encoding.id).where(Encoding.project_id == project.id)
    project.encoding_id = db.scalar(most.order_by(Encoding.rows_done.desc(), Encoding.rung.desc()).limit(1))
    return 1


def counts(db: Session, project: Project, now: datetime) -> Finding | None:  # noqa: ARG001
    """The tally says what the labels say."""
    counted = dict(tally.counted(db, project.id))
    kept = {user: tally.of_person(db, project.id, user) for user in tally.people(db, project.id) | set(counted)}
    wrong = [
        user
        for user, mine in kept.items()
        if (mine.answers, mine.skips)
        != (counted.get(user, tally.Counts()).answers, counted.get(user, tally.Counts()).skips)
    ]
    items = [tally.total(each) for each in (kept.values(), counted.values())]
    if (items[0].settled, items[0].labelled) != (items[1].settled, items[1].labelled):
        wrong.append(tally.NOBODY)
    return finding(
        "counts",
        sorted(set(wrong)),
        "people whose answers are counted wrong",
        "The number of answers that pages show, and out of how many items a random check is drawn, is not what the "
        "labels say.",
    )


def mend_counts(db: Session, project: Project, now: datetime) -> int:  # noqa: ARG001
    """Count the labels anew, while nobody writes one."""
    tally.recount(db, project.id)
    return 1
