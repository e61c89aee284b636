"""What a project's standing labels say together: the merged answer of every answered item."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import plugins
from app.core.aggregation import Aggregator, merge_answers
from app.core.tasks import InvalidAnswer, Task
from app.models import Item, Label, Project

_FETCHED = 5000


@dataclass(frozen=True)
class MergedAnswers:
    """Rows with an answer, sorted, and their class probabilities; two arrays, however many items there are."""

    task: Task
    rows: np.ndarray[Any, np.dtype[np.int64]]
    probabilities: np.ndarray[Any, np.dtype[Any]]

    def of(self, row: int) -> tuple[dict[str, Any] | None, float | None]:
        """The merged answer of an item and its confidence; None for both where nobody answered."""
        at = int(np.searchsorted(self.rows, row))
        if at >= len(self.rows) or self.rows[at] != row:
            return None, None
        found = self.probabilities[at]
        return self.task.decode(found), round(self.task.confidence(found), 6)


def merged_answers(db: Session, project: Project, task: Task) -> MergedAnswers:
    """Merge all standing answers by the recipe's aggregator, which may learn from all of them who is reliable."""
    standing = (
        select(Item.row, Label.user_id, Label.answer)
        .join(Item, Item.id == Label.item_id)
        .where(Label.project_id == project.id, Label.ended_at.is_(None), Label.answer.is_not(None))
    )
    # Answers repeat: one object for each distinct one keeps a million votes small.
    distinct: dict[bytes, dict[str, Any] | None] = {}
    votes: list[tuple[int, int, dict[str, Any]]] = []
    for row, user_id, answer in db.execute(standing, execution_options={"yield_per": _FETCHED}):
        key = orjson.dumps(answer)
        if key not in distinct:
            distinct[key] = answer if _is_valid(task, answer) else None
        if (known := distinct[key]) is not None:
            votes.append((row, user_id, known))
    aggregator = plugins.make("aggregation", project.recipe.get("aggregation", {"name": "majority"}), Aggregator)
    rows, probabilities, _ = merge_answers(aggregator, task, votes)
    return MergedAnswers(task, rows, probabilities.astype(np.float32))


def _is_valid(task: Task, answer: dict[str, Any]) -> bool:
    """Whether an answer still fits: one to a class that was removed later stays a label, and merges into nothing."""
    try:
        task.encode({}, answer)
    except InvalidAnswer:
        return False
    return True
