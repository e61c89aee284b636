"""What a simulation of a project replays: its items whose answers are known, as they stood at one moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from app import store
from app.core import plugins
from app.core.aggregation import Aggregator, merge_answers
from app.core.data import IntArray, ShardedFeatures
from app.core.tasks import Task
from app.models import Item, Label
from app.services.skips import OUT_OF_SCOPE

Answer = dict[str, Any]


@dataclass(frozen=True)
class Labelled:
    """Rows of a project, sorted, and what is right for each; None: out of scope.

    truth, merged: how many answers are hidden truth, and merged from labels. drawn: on how many of the merged ones
    chance decided, and no queue. left_out: how many more there were than asked for.
    """

    rows: IntArray
    answers: list[Answer | None]
    truth: int
    merged: int
    drawn: int
    left_out: int

    def facts(self) -> dict[str, int]:
        """The counts, for people."""
        counts = {name: getattr(self, name) for name in ("truth", "merged", "drawn", "left_out")}
        return {"items": len(self.answers), "out_of_scope": sum(one is None for one in self.answers), **counts}


def labelled(
    db: Session, project_id: int, task: Task, aggregation: dict[str, Any], as_of: datetime, encoded: int, most: int
) -> Labelled:
    """The first `encoded` rows whose answer was known at a moment, at most so many: those with the smallest keys.

    Hidden truth goes before people's answers, which are merged as the recipe says. Labels are never changed, only
    ended, so the same moment gives the same answers however often and wherever it is asked for.
    """
    keys = _keys(db, project_id, as_of)
    merged = _merged(db, project_id, task, aggregation, as_of, encoded)
    truth = _truth(db, project_id, task, as_of)
    foreign = set(_rows(db, project_id, as_of, Label.answer.is_(None), Label.skip_reason == OUT_OF_SCOPE))
    known: dict[int, Answer | None] = {**dict.fromkeys(foreign), **merged, **truth}
    there = sorted((row for row in known if row < encoded), key=lambda row: keys[row])
    rows = sorted(there[:most])
    drawn = set(_rows(db, project_id, as_of, Label.chosen_by.in_(("random", "fallback"))))
    return Labelled(
        np.array(rows, np.int64),
        [known[row] for row in rows],
        sum(row in truth for row in rows),
        sum(row not in truth for row in rows),
        sum(row in drawn and row not in truth for row in rows),
        len(there) - len(rows),
    )


def features(project_id: int, fingerprint: str, rows: int) -> ShardedFeatures:
    """The features of a project's first rows. Raises LookupError where they are not on the disk (any more)."""
    found = store.shards(store.features_folder(project_id, fingerprint))
    if not found or found[-1][1] < rows:
        raise LookupError("the features that this simulation began with are gone")
    return ShardedFeatures(store.local_shards(found))


def _standing(project_id: int, as_of: datetime) -> list[Any]:
    """The conditions for a label that stood at that moment."""
    ended = or_(Label.ended_at.is_(None), Label.ended_at > as_of)
    return [Label.project_id == project_id, Label.created_at <= as_of, ended]


def _keys(db: Session, project_id: int, as_of: datetime) -> dict[int, float]:
    # Without the labels' project: SQLite would read all of its labels for every item.
    _, *stood = _standing(project_id, as_of)
    is_labelled = exists().where(Label.item_id == Item.id, *stood)
    query = select(Item.row, Item.key).where(Item.project_id == project_id, or_(Item.truth.is_not(None), is_labelled))
    return {row: float(key) for row, key in db.execute(query)}


def _truth(db: Session, project_id: int, task: Task, as_of: datetime) -> dict[int, Answer]:
    """The hidden truth that fits the task."""
    query = select(Item.row, Item.truth).where(
        Item.project_id == project_id, Item.truth.is_not(None), Item.created_at <= as_of
    )
    return {row: truth for row, truth in db.execute(query) if truth is not None and task.fits(truth)}


def _merged(
    db: Session, project_id: int, task: Task, aggregation: dict[str, Any], as_of: datetime, encoded: int
) -> dict[int, Answer]:
    query = (
        select(Item.row, Label.user_id, Label.answer)
        .join(Item, Item.id == Label.item_id)
        .where(*_standing(project_id, as_of), Label.answer.is_not(None))
        .order_by(Item.row, Label.user_id)
    )
    answers = [(row, user, answer) for row, user, answer in db.execute(query) if answer is not None]
    known = [answer for answer in answers if answer[0] < encoded and task.fits(answer[2])]
    found = merge_answers(plugins.make("aggregation", aggregation, Aggregator), task, known)
    opinions = task.opinions(found.probabilities, found.cuts)
    return {int(row): answer for row, (answer, _) in zip(found.rows, opinions, strict=True)}


def _rows(db: Session, project_id: int, as_of: datetime, *conditions: Any) -> Iterable[int]:
    """The rows with a label that stood at that moment and fulfils the conditions."""
    query = select(Item.row).join(Label, Label.item_id == Item.id)
    return db.scalars(query.where(*_standing(project_id, as_of), *conditions))
