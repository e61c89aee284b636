"""What a project's standing labels say together: the merged answer of every answered item."""

from array import array
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import plugins
from app.core.aggregation import Aggregator, merge_answers
from app.core.tasks import InvalidAnswer, Task
from app.models import Item, Label, Project

Rows = np.ndarray[Any, np.dtype[np.int64]]
_FETCHED = 5000


@dataclass(frozen=True)
class MergedAnswers:
    """The answered rows, sorted, of these the ones that merge into something, and their class probabilities.

    Plain arrays, so that it stays small however many items there are.
    """

    task: Task
    answered: Rows
    rows: Rows
    probabilities: np.ndarray[Any, np.dtype[Any]]

    def of(self, row: int) -> tuple[dict[str, Any] | None, float | None]:
        """The merged answer of an item and its confidence; None for both where nobody answered."""
        at = int(np.searchsorted(self.rows, row))
        if at >= len(self.rows) or self.rows[at] != row:
            return None, None
        found = self.probabilities[at]
        return self.task.decode(found), round(self.task.confidence(found), 6)


def merged_answers(db: Session, project: Project, task: Task, since: datetime | None = None) -> MergedAnswers:
    """Merge all standing answers by the recipe's aggregator, which may learn from all of them who is reliable.

    `since` leaves rows without a label from then on out of `answered`, not out of the merge.
    """
    standing = (
        select(Item.row, Label.user_id, Label.answer, Label.created_at)
        .join(Item, Item.id == Label.item_id)
        .where(Label.project_id == project.id, Label.ended_at.is_(None), Label.answer.is_not(None))
    )
    # Answers repeat: one object for each distinct one keeps a million votes small.
    distinct: dict[bytes, dict[str, Any] | None] = {}
    votes: list[tuple[int, int, dict[str, Any]]] = []
    answered = array("q")
    for row, user_id, answer, created_at in db.execute(standing, execution_options={"yield_per": _FETCHED}):
        if since is None or created_at >= since:
            answered.append(row)
        key = orjson.dumps(answer)
        if key not in distinct:
            distinct[key] = answer if _is_valid(task, answer) else None
        if (known := distinct[key]) is not None:
            votes.append((row, user_id, known))
    aggregator = plugins.make("aggregation", project.recipe.get("aggregation", {"name": "majority"}), Aggregator)
    rows, probabilities, _ = merge_answers(aggregator, task, votes)
    distinct_rows = np.unique(np.array(answered, np.int64))
    return MergedAnswers(task, distinct_rows, np.asarray(rows, np.int64), probabilities.astype(np.float32))


def _is_valid(task: Task, answer: dict[str, Any]) -> bool:
    """Whether an answer still fits: one to a class that was removed later stays a label, and merges into nothing."""
    try:
        task.encode({}, answer)
    except InvalidAnswer:
        return False
    return True
