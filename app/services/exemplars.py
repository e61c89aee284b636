"""Exemplars: what rounds chose and leads pinned to show what a class is, and who may see which of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from app.core import tasks
from app.errors import BadInput, Conflict, NotFound
from app.models import LOCK, Item, Label, Lease, Pin, Project, Round, RoundExemplars
from app.services import browse

if TYPE_CHECKING:
    from app.core.exemplars import Exemplars

MOST_PINS = 10  # of a class: more than that nobody reads
NOTHING: dict[str, Any] = {"typical": [], "near": [], "neighbour": None}


def keep(db: Session, project: Project, round_id: int, classes: Sequence[str], found: "Sequence[Exemplars]") -> None:
    """Put a round's exemplars in the place of the earlier ones, in the transaction that flips to its queue."""
    db.execute(delete(RoundExemplars).where(RoundExemplars.project_id == project.id))
    rows = {int(row) for one in found for row in (*one.typical, *one.near)}
    if not rows:
        return
    ids = browse.ids_of(db, project.id, sorted(rows))
    chosen = {
        name: {
            "typical": [ids[int(row)] for row in one.typical if int(row) in ids],
            "near": [ids[int(row)] for row in one.near if int(row) in ids],
            "neighbour": None if one.neighbour is None else classes[one.neighbour],
        }
        for name, one in zip(classes, found, strict=True)
        if len(one.typical) or len(one.near)
    }
    db.add(RoundExemplars(round_id=round_id, project_id=project.id, chosen=chosen))


def listed(db: Session, project: Project) -> dict[str, Any]:
    """The round that chose, and by class how many it chose and how many are pinned; classes with none are left out."""
    number, chosen = _chosen(db, project)
    pins = select(Pin.class_name, func.count()).where(Pin.project_id == project.id).group_by(Pin.class_name)
    pinned = {str(name): int(count) for name, count in db.execute(pins)}
    counts = {name: len(one["typical"]) + len(one["near"]) for name, one in chosen.items()}
    known = [one["name"] for one in project.task["classes"] if one["name"] in counts | pinned]
    return {
        "round": number,
        "classes": [{"class": name, "chosen": counts.get(name, 0), "pinned": pinned.get(name, 0)} for name in known],
    }


def of_class(db: Session, project: Project, user_id: int, name: str) -> dict[str, Any]:
    """One class's exemplars for a person: {"class", "round", "neighbour", "pinned", "typical", "near"}, each a list of
    {"id", "content", "marks"}; marks are the spans of the class, where spans are asked for.

    Left out are items that this person may still be asked, and what is no longer answered so. Raises NotFound.
    """
    _check(project, name)
    number, chosen = _chosen(db, project)
    one = chosen.get(name, NOTHING)
    pins = select(Pin.item_id).where(Pin.project_id == project.id, Pin.class_name == name)
    pinned = list(db.scalars(pins.order_by(Pin.created_at, Pin.item_id)))
    wanted = [*pinned, *one["typical"], *one["near"]]
    query = select(Item).where(Item.id.in_(wanted), Item.project_id == project.id, never_asked(user_id))
    items = {item.id: item for item in db.scalars(query)}
    answers = _answers(db, list(items))
    task = tasks.load(project.task)
    agreed = {
        item_id for item_id, said in answers.items() if all(name in map(str, task.names(answer)) for answer in said)
    }

    def shown(ids: Sequence[int]) -> list[dict[str, Any]]:
        return [_shown(items[item_id], answers.get(item_id, []), name) for item_id in ids]

    rest = [item_id for item_id in items if item_id in agreed and item_id not in pinned]
    return {
        "class": name,
        "round": number,
        "neighbour": one["neighbour"],
        "pinned": shown([item_id for item_id in pinned if item_id in items]),
        "typical": shown([item_id for item_id in one["typical"] if item_id in rest]),
        "near": shown([item_id for item_id in one["near"] if item_id in rest]),
    }


def never_asked(user_id: int) -> ColumnElement[bool]:
    """An item of which this person will not be asked any more: answered by them, or used up and in nobody's hands.

    A lease may end, and its slot come back: an answer shown meanwhile would be given away.
    """
    mine = exists().where(Label.item_id == Item.id, Label.user_id == user_id, Label.ended_at.is_(None))
    held = exists().where(Lease.item_id == Item.id, Lease.ended_at.is_(None))
    return or_(mine, and_(Item.slots <= 0, ~held))


def pin(db: Session, project: Project, item_id: int, name: str, now: datetime) -> None:
    """Show an item as an exemplar of a class; twice is once. Raises NotFound, Conflict where there are too many."""
    _check(project, name)
    _item(db, project, item_id)
    db.get_one(Project, project.id, with_for_update=LOCK)  # two pins at once would both find a place for one
    here = select(func.count()).select_from(Pin).where(Pin.project_id == project.id, Pin.class_name == name)
    if db.scalar(here.where(Pin.item_id == item_id)):
        return
    if (db.scalar(here) or 0) >= MOST_PINS:
        raise Conflict(f"{MOST_PINS} items are pinned to “{name}” already; unpin one first.")
    db.add(Pin(project_id=project.id, class_name=name, item_id=item_id, created_at=now))


def unpin(db: Session, project: Project, item_id: int, name: str | None) -> None:
    """Show it no longer as pinned, to this class or (None) to any. Raises NotFound for an item of elsewhere."""
    _item(db, project, item_id)
    gone = delete(Pin).where(Pin.project_id == project.id, Pin.item_id == item_id)
    db.execute(gone if name is None else gone.where(Pin.class_name == name))


def pins_of(db: Session, project: Project, item_ids: Sequence[int]) -> dict[int, list[str]]:
    """To which classes each of these items is pinned."""
    found: dict[int, list[str]] = {}
    query = select(Pin.item_id, Pin.class_name).where(Pin.project_id == project.id, Pin.item_id.in_(item_ids))
    for item_id, name in db.execute(query.order_by(Pin.created_at)):
        found.setdefault(item_id, []).append(name)
    return found


def _chosen(db: Session, project: Project) -> tuple[int | None, dict[str, Any]]:
    query = select(Round.number, RoundExemplars.chosen).join(Round, Round.id == RoundExemplars.round_id)
    found = db.execute(query.where(RoundExemplars.round_id == project.queue_round_id)).first()
    return (found.number, found.chosen) if found else (None, {})


def _check(project: Project, name: str) -> None:
    if name not in [one["name"] for one in project.task["classes"]]:
        raise BadInput("There is no such class.", [{"field": "class", "error": "is none of the project's classes"}])


def _item(db: Session, project: Project, item_id: int) -> Item:
    item = db.get(Item, item_id)
    if item is None or item.project_id != project.id:
        raise NotFound("No such item.")
    return item


def _answers(db: Session, item_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    standing = [Label.item_id.in_(item_ids), Label.ended_at.is_(None), Label.answer.is_not(None)]
    for item_id, answer in db.execute(select(Label.item_id, Label.answer).where(*standing).order_by(Label.created_at)):
        found.setdefault(item_id, []).append(answer or {})
    return found


def _shown(item: Item, answers: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    spans = answers[0].get("spans", []) if answers else []
    marks = [[one["start"], one["end"]] for one in spans if one["class"] == name]
    return {"id": item.id, "content": item.content, "marks": marks}
