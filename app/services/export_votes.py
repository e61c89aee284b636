"""What a project's standing labels say together: the merged answer of every answered item."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import plugins
from app.core.aggregation import Aggregator, merge_answers
from app.core.cuts import Cuts
from app.core.tasks import Task
from app.models import Item, Label, Project
from app.services import raw

Rows = np.ndarray[Any, np.dtype[np.int64]]
_TOLD = 10_000
_FETCHED = {"yield_per": 5000}


@dataclass(frozen=True)
class MergedAnswers:
    """The answered rows, sorted, of these the ones that merge into something, and their probabilities.

    Plain arrays, so that it stays small however many items there are.
    """

    task: Task
    answered: Rows
    rows: "array[int]"  # bisected row by row, which numpy does ten times as slowly
    probabilities: np.ndarray[Any, np.dtype[Any]]
    cuts: Cuts
    told: dict[bytes, tuple[dict[str, Any], float]] = field(default_factory=dict)  # of one or two votes, a few repeat

    def of(self, row: int) -> tuple[dict[str, Any] | None, float | None]:
        """The merged answer of an item and its confidence; None for both where nobody answered."""
        at = bisect_left(self.rows, row)
        if at >= len(self.rows) or self.rows[at] != row:
            return None, None
        part = self.cuts.part(at)
        found = self.probabilities[part]
        key = found.tobytes() + self.cuts.bounds[part].tobytes()
        if key not in self.told:
            if len(self.told) >= _TOLD:
                self.told.clear()
            answer, confidence = self.task.opinions(found, self.cuts.some(np.array([at])))[0]
            self.told[key] = answer, round(confidence, 6)
        return self.told[key]


def merged_answers(db: Session, project: Project, task: Task, since: datetime | None = None) -> MergedAnswers:
    """Merge all standing answers by the recipe's aggregator, which may learn from all of them who is reliable.

    `since` leaves rows without a label from then on out of `answered`, not out of the merge.
    """
    told = raw.json_text(db, Label.answer)
    standing = (
        select(Item.row, Label.user_id, told, *([Label.created_at] if since else []))
        .join(Item, Item.id == Label.item_id)
        .where(Label.project_id == project.id, Label.ended_at.is_(None), Label.answer.is_not(None))
    )
    # Answers repeat: one object for each distinct one keeps a million votes small, and is read once.
    distinct: dict[str, dict[str, Any] | None] = {}
    votes: list[tuple[int, int, dict[str, Any]]] = []
    answered = array("q")
    for row, user_id, said, *created_at in db.connection().execute(standing, execution_options=_FETCHED):
        if since is None or created_at[0] >= since:
            answered.append(row)
        if said not in distinct:
            answer = orjson.loads(said)
            # One to a class that was removed later stays a label, and merges into nothing.
            distinct[said] = answer if task.fits(answer) else None
        if (known := distinct[said]) is not None:
            votes.append((row, user_id, known))
    aggregator = plugins.make("aggregation", project.recipe.get("aggregation", {"name": "majority"}), Aggregator)
    merged = merge_answers(aggregator, task, votes)
    distinct_rows = np.unique(np.array(answered, np.int64))
    rows = array("q", np.asarray(merged.rows, np.int64).tobytes())
    return MergedAnswers(task, distinct_rows, rows, merged.probabilities.astype(np.float32), merged.cuts)
