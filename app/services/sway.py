"""How much suggestions sway a project's people: read from the labels by whoever measures a round, told to the lead."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import orjson
from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.orm import Session

from app.core.evaluation.sway import AT_LEAST, Tossed, sway
from app.core.tasks import InvalidAnswer, Task
from app.core.tasks import load as load_task
from app.models import Label, Project, Round, User
from app.services import raw

# More would tell nothing more exactly that matters, and the newest tell of the model and the people of today.
NEWEST = 100_000
# As the index says it, word for word; see app/models.py.
_TOSSED: ColumnElement[bool] = literal_column("label.hidden_share IS NOT NULL AND label.ended_at IS NULL")


class _Read(NamedTuple):
    """The answers that compare, and of each whose it is and which classes had been suggested."""

    tossed: Tossed
    people: list[int]
    classes: list[list[str]]


def measured(db: Session, project_id: int) -> dict[str, Any] | None:
    """What a round records, of the NEWEST answers at most; None where no coin ever hid a suggestion.

    {"n", "all": as `core/evaluation/sway.py` says it, "classes": [{"class", …}], "people": [{"user_id", …}]}; by class
    (of the suggestion) and by person only where there are enough answers, and how many had too few: "few_classes",
    "few_people".
    """
    project = db.get(Project, project_id)
    read = _read(db, project) if project else None
    if read is None:
        return None
    classes, few_classes = _apart(read.tossed, "class", read.classes)
    people, few_people = _apart(read.tossed, "user_id", [[one] for one in read.people])
    told = {"n": len(read.people), "all": sway(read.tossed), "classes": classes, "people": people}
    return told | {"few_classes": few_classes, "few_people": few_people}


def shown(db: Session, project: Project) -> dict[str, Any]:
    """What the lead is told: the recipe's share, the least number of answers, and what the newest measured round says,
    with people's names; `measured` is None before anything is. "newest": the most answers that are looked at.
    """
    query = select(Round.number, Round.metrics).where(Round.project_id == project.id, Round.measured_at.is_not(None))
    last = db.execute(query.order_by(Round.number.desc()).limit(1)).first()
    found = ((last.metrics or {}) if last else {}).get("sway")
    share = project.recipe.get("hidden_share", 0.0) if project.recipe["show_suggestions"] else None
    told = {"hidden_share": share, "at_least": AT_LEAST, "newest": NEWEST, "round": last.number if last else None}
    if not found:
        return {**told, "measured": None}
    ids = [one["user_id"] for one in found["people"]]
    names = {one.id: one.name or one.email for one in db.scalars(select(User).where(User.id.in_(ids)))}
    people = [{**one, "name": names.get(one["user_id"])} for one in found["people"]]
    return {**told, "measured": {**found, "people": people}}


def _read(db: Session, project: Project) -> _Read | None:
    columns = (
        Label.user_id,
        Label.seconds,
        Label.hidden_share,
        raw.plain(db, Label.suggestion_hidden),
        raw.json_text(db, Label.answer),
        raw.json_text(db, Label.suggestion),
    )
    query = select(*columns).where(Label.project_id == project.id, _TOSSED).order_by(Label.created_at.desc())
    rows = []
    judge = _judge(load_task(project.task))
    for user, seconds, share, is_hidden, answer, suggestion in db.execute(query.limit(NEWEST)):
        if answer is None or suggestion is None:
            continue
        judged = judge(answer, orjson.dumps(orjson.loads(suggestion)["answer"]))
        if judged is not None:
            rows.append((user, np.nan if seconds is None else seconds, share, bool(is_hidden), *judged))
    if not rows:
        return None
    people, seconds, shares, hidden, is_same, names = zip(*rows, strict=True)
    tossed = Tossed(np.array(shares), np.array(hidden), np.array(is_same), np.array(seconds, np.float64))
    return _Read(tossed, list(people), list(names))


def _judge(task: Task) -> Callable[[str, bytes], tuple[bool, list[str]] | None]:
    """Whether an answer says what was suggested, both as JSON, and the suggestion's classes; None where the task has
    changed so that one of them fits no more. Of few classes there are few pairs, which are compared once.
    """

    @lru_cache(maxsize=10_000)
    def judged(answer: str, suggested: bytes) -> tuple[bool, list[str]] | None:
        one, other = orjson.loads(answer), orjson.loads(suggested)
        try:
            return task.same(one, other), task.names(other)
        except InvalidAnswer:
            return None

    return judged


def _apart(tossed: Tossed, word: str, named: Sequence[Sequence[Any]]) -> tuple[list[dict[str, Any]], int]:
    """The same of each name by itself that has enough answers, those that differ most first; and how many have not."""
    places: dict[Any, list[int]] = {}
    for place, names in enumerate(named):
        for name in names:
            places.setdefault(name, []).append(place)
    found = [{word: name, **sway(tossed.some(np.array(mine)))} for name, mine in places.items()]
    enough = [one for one in found if one["difference"] is not None]
    return sorted(enough, key=lambda one: -abs(one["difference"]["estimate"])), len(found) - len(enough)
