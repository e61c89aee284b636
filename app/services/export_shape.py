"""The shapes of an exported item: the whole line, and flat columns for spreadsheets and data frames."""

from collections.abc import Sequence
from typing import Any

from orjson import Fragment
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.formats import Columns
from app.core.tasks import Task
from app.models import Item, Label, Project
from app.services import raw

_LABEL = {
    "id": "string",
    "annotator": "string",
    "answer": "json",
    "seconds": "float",
    "raw_seconds": "float",
    "unsure": "bool",
    "comment": "string",
    "created_at": "time",
    "chosen_by": "string",
    "inclusion_probability": "float",
    "round": "integer",
    "strategy": "string",
    "score": "float",
    "rank": "integer",
    "pool_size": "integer",
    "key": "float",
    "suggestion_hidden": "bool",
    "suggestion": "json",
}
_SKIP = {"annotator": "string", "reason": "string", "comment": "string", "created_at": "time"}
_FETCHED = 2000
ByItem = dict[int, list[dict[str, Any]]]


def standing_labels(db: Session, ids: Sequence[int], emails: dict[int, str]) -> tuple[ByItem, ByItem]:
    """The standing labels and skips of these items, oldest first, each as it is exported, JSON left as its text.

    The items are neighbours, as a page is, so that a range finds them: a thousand ids take as long as their labels.
    """
    labels: ByItem = {item_id: [] for item_id in ids}
    skips: ByItem = {}
    if not ids:
        return labels, skips
    told_time = raw.told_time(db)
    # A connection and no session, plain columns and no join: with records a page takes three times as long.
    for found in db.connection().execute(_standing(db, min(ids), max(ids))):
        name, user_id, answer, seconds, lasted, unsure, comment, created_at, *chosen = found
        *chosen, hidden, suggestion, item_id, reason = chosen
        mine = labels.get(item_id)
        if mine is None:
            continue  # a neighbour's
        annotator, created_at = emails[user_id], told_time(created_at)
        if answer is None:
            skip = {"annotator": annotator, "reason": reason, "comment": comment, "created_at": created_at}
            skips.setdefault(item_id, []).append(skip)
        else:
            said = None if suggestion is None else Fragment(suggestion)
            heard = (seconds, lasted, bool(unsure), comment)
            values = (raw.told_id(name), annotator, Fragment(answer), *heard, created_at, *chosen, bool(hidden), said)
            mine.append(dict(zip(_LABEL, values, strict=True)))
    for several in (*labels.values(), *skips.values()):
        if len(several) > 1:
            several.sort(key=lambda one: (one["created_at"], one.get("id", "")))
    return labels, skips


def _standing(db: Session, first: int, last: int) -> Any:
    """In the order of _LABEL, but with the person's id; then what only sorts them."""
    columns = (
        raw.id_text(db, Label.id),
        Label.user_id,
        raw.json_text(db, Label.answer),
        Label.seconds,
        Label.raw_seconds,
        Label.unsure,
        Label.comment,
        raw.time(db, Label.created_at),
        Label.chosen_by,
        Label.inclusion_probability,
        Label.round_number,
        Label.strategy,
        Label.score,
        Label.rank,
        Label.pool_size,
        Label.key,
        Label.suggestion_hidden,
        raw.json_text(db, Label.suggestion),
        Label.item_id,
        Label.skip_reason,
    )
    # Without the project: SQLite would read all of its labels for every page.
    return select(*columns).where(Label.item_id.between(first, last), Label.ended_at.is_(None))


def flat_columns(db: Session, project: Project, task: Task, predictions: bool) -> Columns:
    """The columns of a flat export of this project, with their kinds."""
    answer = task.answers_as
    content: dict[str, Any] = {"text": "string"}
    if project.modality == "image":
        content = {"image": "string", "media_type": "string", "width": "integer", "height": "integer"}
    elif project.modality == "table":
        content = {f"columns.{name}": kind for name, kind in _table_kinds(db, project).items()}
    asked = {"prediction": answer, "prediction_confidence": "float", "prediction_round": "integer"}
    return {
        "id": "integer",
        "external_id": "string",
        **content,
        "meta": "json",
        "answer": answer,
        "confidence": "float",
        "votes": "integer",
        "labels": _LABEL,
        "skips": _SKIP,
        **(asked if predictions else {}),
    }


def flatten(line: dict[str, Any], task: Task) -> dict[str, Any]:
    """A line with its content and answers as plain columns."""
    content, prediction = line["content"], line.get("prediction") or {}
    cells = (
        {f"columns.{name}": value for name, value in content["columns"].items()} if "columns" in content else content
    )
    return {
        **cells,
        "id": line["id"],
        "external_id": line["external_id"],
        "meta": line["meta"],
        "answer": _plain(line["answer"], task),
        "confidence": line["confidence"],
        "votes": len(line["labels"]),
        "labels": line["labels"],
        "skips": line["skips"],
        "prediction": _plain(prediction.get("answer"), task),
        "prediction_confidence": prediction.get("confidence"),
        "prediction_round": prediction.get("round"),
    }


def _plain(answer: dict[str, Any] | None, task: Task) -> Any:
    return None if answer is None else task.plain(answer)


def _table_kinds(db: Session, project: Project) -> dict[str, str]:
    """The table's columns, in order of appearance, with the narrowest kind that holds all their values."""
    seen: dict[str, set[type]] = {}
    contents = select(Item.content).where(Item.project_id == project.id).order_by(Item.row)
    for content in db.scalars(contents, execution_options={"yield_per": _FETCHED}):
        for name, value in content["columns"].items():
            seen.setdefault(name, set()).add(type(value))
    return {name: _kind(types - {type(None)}) for name, types in seen.items()}


def _kind(types: set[type]) -> str:
    if types == {bool}:
        return "bool"
    return "float" if types and types <= {int, float} else "string"
