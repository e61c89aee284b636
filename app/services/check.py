"""The invariants: what must hold in every database at every moment, found by queries, mended where that is safe."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app import store
from app.models import Encoding, Item, Label, Lease, Project, QueueRow, Round
from app.settings import current


@dataclass(frozen=True)
class Finding:
    """One invariant that does not hold: what, how often, and whether `mend` can put it right."""

    project_id: int
    what: str
    count: int
    mendable: bool


def check(db: Session, now: datetime, mend: bool = False) -> list[Finding]:
    """Every invariant of every project; with `mend`, the ones that may be put right are."""
    found: list[Finding] = []
    for project in db.scalars(select(Project).order_by(Project.id)):
        found += [
            finding
            for finding in (
                _slots(db, project, mend),
                _settled(db, project, mend),
                _leases(db, project, now),
                _rows(db, project),
                _queue(db, project, mend),
                _encoding(db, project, mend),
            )
            if finding.count
        ]
    return found


def _slots(db: Session, project: Project, mend: bool) -> Finding:
    """slots = answers wanted − answers that stand − leases that live."""
    answers = (
        select(func.count())
        .where(Label.item_id == Item.id, Label.ended_at.is_(None), Label.answer.is_not(None))
        .scalar_subquery()
    )
    leases = select(func.count()).where(Lease.item_id == Item.id, Lease.ended_at.is_(None)).scalar_subquery()
    right = project.recipe["votes_wanted"] - answers - leases
    wrong = list(db.scalars(select(Item.id).where(Item.project_id == project.id, Item.slots != right)))
    if mend and wrong:
        values = update(Item).where(Item.project_id == project.id, Item.slots != right).values(slots=right)
        db.execute(values.execution_options(synchronize_session=False))
    return Finding(project.id, "items whose slots do not add up", len(wrong), mendable=True)


def _settled(db: Session, project: Project, mend: bool) -> Finding:
    right = select(Label.id).where(Label.item_id == Item.id, Label.ended_at.is_(None)).exists()
    wrong = (Item.project_id == project.id) & (Item.is_settled != right)
    count = db.scalar(select(func.count()).select_from(Item).where(wrong)) or 0
    if mend and count:
        db.execute(update(Item).where(wrong).values(is_settled=right).execution_options(synchronize_session=False))
    return Finding(project.id, "items whose settled mark is wrong", count, mendable=True)


def _leases(db: Session, project: Project, now: datetime) -> Finding:
    """A lease outlives its end by a sweep or two at most; far beyond, no sweep runs."""
    late = now - timedelta(seconds=60)
    query = select(func.count()).where(Lease.project_id == project.id, Lease.ended_at.is_(None), Lease.ends_at < late)
    return Finding(project.id, "leases past their end that no sweep has ended", db.scalar(query) or 0, mendable=False)


def _rows(db: Session, project: Project) -> Finding:
    """Row numbers are dense from 0 to next_row."""
    count, least, most = db.execute(
        select(func.count(), func.min(Item.row), func.max(Item.row)).where(Item.project_id == project.id)
    ).one()
    is_dense = count == project.next_row and (count == 0 or (least == 0 and most == count - 1))
    return Finding(project.id, "gaps in the row numbers", 0 if is_dense else 1, mendable=False)


def _queue(db: Session, project: Project, mend: bool) -> Finding:
    """The queue's round is one that exists and was published."""
    if project.queue_round_id is None:
        return Finding(project.id, "a queue without its round", 0, mendable=True)
    made = db.get(Round, project.queue_round_id)
    is_wrong = made is None or made.state != "published" or made.project_id != project.id
    foreign = db.scalar(
        select(func.count())
        .select_from(QueueRow)
        .join(Item, Item.id == QueueRow.item_id)
        .where(QueueRow.round_id == project.queue_round_id, Item.project_id != project.id)
    )
    if mend and is_wrong:
        project.queue_round_id = None
        project.round_asked_at = None
    return Finding(project.id, "a queue without its round", int(is_wrong) + (foreign or 0), mendable=True)


def _encoding(db: Session, project: Project, mend: bool) -> Finding:
    """As many rows on disk as the database says."""
    wrong = 0
    for one in db.scalars(select(Encoding).where(Encoding.project_id == project.id)):
        shards = store.shards(store.features_folder(project.id, one.fingerprint))
        on_disk = shards[-1][1] if shards else 0
        if on_disk < one.rows_done:
            wrong += 1
            if mend:
                one.rows_done = on_disk
    return Finding(project.id, f"encodings with fewer rows in {current().data_dir.name}/ than recorded", wrong, True)
