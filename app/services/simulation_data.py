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
from app.core.aggregation import Aggregator
from app.core.data import IntArray, ShardedFeatures
from app.core.labelled import merge
from app.core.tasks import InvalidAnswer, Task, load
from app.models import Item, Label, Project
from app.services.round_data import OUT_OF_SCOPE

Answer = dict[str, Any]


@dataclass(frozen=True)
class Labelled:
    """Rows of a project, sorted, and what is right for each; None: out of scope.

    truth, merged, foreign: how many answers are hidden truth, merged from labels, and "out of scope". left_out: how
    many more there were than asked for.
    """

    rows: IntArray
    answers: list[Answer | None]
    truth: int
    merged: int
    foreign: int
    left_out: int

    def facts(self) -> dict[str, int]:
        """The counts, for people."""
        return {
            "items": len(self.answers),
            "truth": self.truth,
            "merged": self.merged,
            "out_of_scope": self.foreign,
            "left_out": self.left_out,
        }


def labelled(db: Session, project: Project, as_of: datetime, encoded: int, most: int) -> Labelled:
    """The first `encoded` rows whose answer was known at a moment, at most so many: those with the smallest keys.

    Hidden truth goes before people's answers, which are merged as the recipe says. Labels are never changed, only
    ended, so the same moment gives the same answers however often and wherever it is asked for.
    """
    task = load(project.task)
    keys = dict(_keyed(db, project, as_of))
    merged = _merged(db, project, task, as_of)
    foreign = set(_foreign(db, project, as_of)) - merged.keys()
    truth = _truth(db, project, task, as_of)
    known: dict[int, Answer | None] = {**dict.fromkeys(foreign), **merged, **truth}
    there = sorted((row for row in known if row < encoded), key=lambda row: keys[row])
    rows = sorted(there[:most])
    return Labelled(
        np.array(rows, np.int64),
        [known[row] for row in rows],
        sum(row in truth for row in rows),
        sum(row in merged and row not in truth for row in rows),
        sum(known[row] is None for row in rows),
        len(there) - len(rows),
    )


def features(project_id: int, fingerprint: str, rows: int) -> ShardedFeatures:
    """The features of a project's first rows. Raises LookupError where they are not on the disk (any more)."""
    found = store.shards(store.features_folder(project_id, fingerprint))
    if not found or found[-1][1] < rows:
        raise LookupError("the features that this simulation began with are gone")
    return ShardedFeatures(found)


def _standing(project: Project, as_of: datetime) -> list[Any]:
    """The conditions for a label that stood at that moment."""
    return [
        Label.project_id == project.id,
        Label.created_at <= as_of,
        or_(Label.ended_at.is_(None), Label.ended_at > as_of),
    ]


def _keyed(db: Session, project: Project, as_of: datetime) -> Iterable[Any]:
    is_labelled = exists().where(Label.item_id == Item.id, *_standing(project, as_of))
    query = select(Item.row, Item.key).where(Item.project_id == project.id, or_(Item.truth.is_not(None), is_labelled))
    return db.execute(query).tuples()


def _truth(db: Session, project: Project, task: Task, as_of: datetime) -> dict[int, Answer]:
    """The hidden truth that fits the task as it is now."""
    query = select(Item.row, Item.truth).where(
        Item.project_id == project.id, Item.truth.is_not(None), Item.created_at <= as_of
    )
    return {row: truth for row, truth in db.execute(query) if truth is not None and _fits(task, truth)}


def _fits(task: Task, answer: Answer) -> bool:
    try:
        task.encode({}, answer)
    except InvalidAnswer:
        return False
    return True


def _merged(db: Session, project: Project, task: Task, as_of: datetime) -> dict[int, Answer]:
    query = (
        select(Item.row, Label.user_id, Label.answer)
        .join(Item, Item.id == Label.item_id)
        .where(*_standing(project, as_of), Label.answer.is_not(None))
        .order_by(Item.row, Label.user_id)
    )
    answers = [(row, user, answer) for row, user, answer in db.execute(query) if answer is not None]
    by = plugins.make("aggregation", project.recipe["aggregation"], Aggregator)
    found = merge(task, answers, project.next_row, by)
    return {int(row): task.decode(one) for row, one in zip(found.rows, found.targets, strict=True)}


def _foreign(db: Session, project: Project, as_of: datetime) -> Iterable[int]:
    query = (
        select(Item.row)
        .join(Item, Item.id == Label.item_id)
        .where(*_standing(project, as_of), Label.answer.is_(None), Label.skip_reason == OUT_OF_SCOPE)
    )
    return db.scalars(query)
