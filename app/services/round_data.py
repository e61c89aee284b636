"""What a round reads: answers, open items, the audit set, features and the last model; queries and files only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app import store
from app.core import plugins
from app.core.data import IntArray, ShardedFeatures
from app.core.findings import History
from app.core.stages.duplicates import COPIES
from app.core.tasks import load as load_task
from app.models import SETTLED, UNSETTLED, Item, Label, Lease, Project, Round
from app.services import round_arrays
from app.services.skips import FOREIGN

if TYPE_CHECKING:
    from app.core.round import RoundInput


@dataclass(frozen=True)
class Read:
    """What a round reads of the database, in one snapshot."""

    given: "RoundInput"
    seen: list[Any]  # standing labels that no round had seen before
    audit: "Audit"
    seen_ended: list[Any]  # ended ones, whose end no round had seen before


def read(db: Session, round_id: int, step: Callable[[str], None]) -> Read:
    """Everything that the computing needs; queries only."""
    from app.core.round import RoundInput

    made = db.get_one(Round, round_id)
    project = db.get_one(Project, made.project_id)
    fresh = select(Label.id).where(Label.project_id == project.id, Label.learned_round_id.is_(None))
    seen = list(db.scalars(fresh.where(Label.ended_at.is_(None))))
    seen_ended = list(db.scalars(fresh.where(Label.ended_at.is_not(None))))
    standing = db.execute(
        select(Item.row, Label.user_id, Label.answer, Label.chosen_by, Label.created_at)
        .join(Item, Item.id == Label.item_id)
        .where(Label.project_id == project.id, Label.ended_at.is_(None), Label.answer.is_not(None))
        .order_by(Item.row, Label.user_id)
    ).all()
    answers = [(one.row, one.user_id, one.answer) for one in standing]
    audit = audit_set(db, project.id)
    last = _last(db, project.id, made)
    measured_last = _last(db, project.id, made, is_measured=True)
    measured = round_arrays.measured_model(measured_last) if measured_last else None
    verdict = _verdict(db, project.id)
    given = RoundInput(
        task=load_task(project.task),
        recipe=project.recipe,
        features=features_of(project.id, made),
        answers=answers,
        open_rows=_open_rows(db, project),
        busy_rows=_rows(
            db,
            select(Item.row)
            .join(Lease, Lease.item_id == Item.id)
            .where(Lease.project_id == project.id, Lease.ended_at.is_(None)),
        ),
        audit_rows=audit.rows,
        previous=round_arrays.model(last) if last else None,
        queue_size=project.recipe["queue_size"],
        seed=made.seed,
        step=step,
        measured=measured,
        scores=_scores(db, project),
        # The first round over new features is measured at once: the old number is that of another model.
        measuring="cheap" if measured is not None or not _was_measured(db, project.id) else "now",
        drawn_rows=_drawn_rows(standing),
        foreign_rows=_foreign_rows(db, project.id),
        verdict=(verdict or {}).get("verdict", ""),
        similarity=_similarity(made),
        history=_history(db, project, standing, verdict),
        fresh_rows=_fresh_rows(db, project.id),
    )
    return Read(given, seen, audit, seen_ended)


def features_of(project_id: int, made: Round) -> ShardedFeatures:
    """The features that the round was opened for; shards that came since wait for the next."""
    found = store.shards(store.features_folder(project_id, made.fingerprint or ""))
    return ShardedFeatures(store.local_shards([shard for shard in found if shard[1] <= made.rows] or found))


def _open_rows(db: Session, project: Project) -> IntArray:
    """The rows with a slot: all but the taken ones, which are few, so that a large pool need not be read."""
    taken = _rows(db, select(Item.row).where(Item.project_id == project.id, Item.slots <= 0))
    is_open = np.ones(project.next_row, bool)
    is_open[taken] = False
    return np.flatnonzero(is_open)


@dataclass(frozen=True)
class Audit:
    """The audit set: its answered rows, where it ends, and the items in it that nobody answered."""

    rows: IntArray
    frontier: float
    skipped: int
    out_of_scope: int  # of the skipped, those that somebody called so
    broken: int

    def facts(self) -> dict[str, Any]:
        """What a round records of it."""
        return {
            "frontier": self.frontier,
            "skipped": self.skipped,
            "out_of_scope": self.out_of_scope,
            "broken": self.broken,
        }


def audit_set(db: Session, project_id: int) -> Audit:
    """The items below the frontier, the smallest key that nobody has answered or skipped.

    Keys are uniform and independent of everything else, so these items are a uniform sample of the pool, whoever
    asked them first. What was imported was not drawn: its items are left out.
    """
    frontier = db.scalar(select(Item.key).where(Item.project_id == project_id, UNSETTLED).order_by(Item.key).limit(1))
    drawn = exists().where(Label.item_id == Item.id, Label.ended_at.is_(None), Label.chosen_by != "import")
    answered = drawn.where(Label.answer.is_not(None))
    below = [Item.project_id == project_id, SETTLED]
    if frontier is not None:
        below.append(Item.key < frontier)
    skipped = select(func.count()).select_from(Item).where(*below, drawn, ~answered)
    out_of_scope, broken = (skipped.where(drawn.where(Label.skip_reason == reason)) for reason in FOREIGN)
    return Audit(
        _rows(db, select(Item.row).where(*below, answered)),
        1.0 if frontier is None else frontier,
        db.scalar(skipped) or 0,
        db.scalar(out_of_scope) or 0,
        db.scalar(broken) or 0,
    )


def _drawn_rows(standing: Sequence[Any]) -> IntArray:
    """The answered rows that were asked by their keys and by no queue, oldest first."""
    drawn = {one.row: one.created_at for one in standing if one.chosen_by in ("random", "fallback")}
    asked = {one.row for one in standing if one.chosen_by == "queue"}
    return _oldest_first({row: at for row, at in drawn.items() if row not in asked})


def _oldest_first(times: dict[int, Any]) -> IntArray:
    return np.array(sorted(times, key=lambda row: (times[row], row)), np.int64)


def _foreign_rows(db: Session, project_id: int) -> IntArray:
    """The items that somebody calls out of scope or broken, and that nobody answered."""
    says = exists().where(Label.item_id == Item.id, Label.ended_at.is_(None))
    foreign = says.where(Label.answer.is_(None), Label.skip_reason.in_(FOREIGN))
    query = select(Item.row).where(Item.project_id == project_id, SETTLED, foreign)
    return _rows(db, query.where(~says.where(Label.answer.is_not(None))))


def _verdict(db: Session, project_id: int) -> dict[str, Any] | None:
    """What the last measured round says of asking by strategy against asking at random."""
    query = select(Round.metrics).where(Round.project_id == project_id, Round.measured_at.is_not(None))
    metrics = db.scalar(query.order_by(Round.number.desc()).limit(1)) or {}
    found: dict[str, Any] | None = metrics.get("verdict")
    return found


def _history(db: Session, project: Project, standing: Sequence[Any], verdict: dict[str, Any] | None) -> History:
    """How the labels came: every item that was chosen, in order, with the probability of that choice."""
    picks = db.execute(
        select(Item.row, Label.inclusion_probability)
        .join(Item, Item.id == Label.item_id)
        .where(Label.project_id == project.id, Label.ended_by.is_distinct_from("undone"))
        .order_by(Label.created_at, Label.id)
    )
    first: dict[int, float | None] = {}
    for row, probability in picks:
        first.setdefault(row, probability)
    known = [value for value in first.values() if value is not None]
    return History(
        drawn_rows=_drawn_rows(standing),
        queued_rows=_oldest_first({one.row: one.created_at for one in standing if one.chosen_by == "queue"}),
        picked_rows=np.array(list(first), np.int64),
        picked_with=np.array(known) if len(known) == len(first) else None,
        checkpoint=round_arrays.read_checkpoint(project),
        verdict=verdict,
    )


def _fresh_rows(db: Session, project_id: int) -> IntArray:
    """The rows drawn at random whose answer no round has seen."""
    query = select(Item.row).join(Label, Label.item_id == Item.id)
    fresh = [Label.project_id == project_id, Label.learned_round_id.is_(None), Label.ended_at.is_(None)]
    drawn = [Label.answer.is_not(None), Label.chosen_by.in_(("random", "fallback"))]
    return _rows(db, query.where(*fresh, *drawn))


def _similarity(made: Round) -> float:
    """From which cosine on two items count as one, under this round's encoder."""
    facts = plugins.describe_one("encoders", made.encoder).facts if made.encoder else {}
    return float(facts.get("similarity", COPIES))


def _rows(db: Session, query: Any) -> IntArray:
    return np.unique(np.fromiter(db.scalars(query), np.int64))


def _last(db: Session, project_id: int, made: Round, is_measured: bool = False) -> Round | None:
    """The last published round over the same features by the same learner, to start from."""
    query = select(Round).where(
        Round.project_id == project_id, Round.state == "published", Round.fingerprint == made.fingerprint
    )
    if is_measured:
        query = query.where(Round.measured_at.is_not(None))
    last = db.scalar(query.order_by(Round.number.desc()).limit(1))
    return last if last is not None and last.recipe.get("learner") == made.recipe.get("learner") else None


def _was_measured(db: Session, project_id: int) -> bool:
    """Whether a number is shown already."""
    query = exists().where(Round.project_id == project_id, Round.measured_at.is_not(None), Round.labels_used > 1)
    return bool(db.scalar(select(query)))


def _scores(db: Session, project: Project) -> Any:
    """The last round's probabilities, mapped: what was known of each labelled item without its label."""
    made = db.get(Round, project.queue_round_id) if project.queue_round_id else None
    return round_arrays.probabilities(made) if made else None
