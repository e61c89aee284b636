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
    "hidden_share": "float",
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
    # A connection and no session, plain columns and no join: with records a page takes three times as long. Read at
    # once, for row by row takes twice as long as all of a page.
    for found in db.connection().execute(_standing(db, min(ids), max(ids))).all():
        item_id, reason, user_id, name, answer, created_at, suggestion, unsure, comment, *values = found
        mine = labels.get(item_id)
        if mine is None:
            continue  # a neighbour's
        annotator, created_at = emails[user_id], told_time(created_at)
        if answer is None:
            skip = {"annotator": annotator, "reason": reason, "comment": comment, "created_at": created_at}
            skips.setdefault(item_id, []).append(skip)
        else:
            said = None if suggestion is None else Fragment(suggestion)
            given = (raw.told_id(name), annotator, Fragment(answer), created_at, bool(unsure), comment, said)
            mine.append(_exported(given, values))
    for several in (*labels.values(), *skips.values()):
        if len(several) > 1:
            several.sort(key=lambda one: (one["created_at"], one.get("id", "")))
    return labels, skips


def _exported(given: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
    """A label in the order of _LABEL; written out, which takes half the time of pairing names with values."""
    name, annotator, answer, created_at, unsure, comment, suggestion = given
    seconds, lasted, chosen_by, probability, number, strategy, score, rank, pool_size, key, is_hidden, tossed = values
    return {
        "id": name,
        "annotator": annotator,
        "answer": answer,
        "seconds": seconds,
        "raw_seconds": lasted,
        "unsure": unsure,
        "comment": comment,
        "created_at": created_at,
        "chosen_by": chosen_by,
        "inclusion_probability": probability,
        "round": number,
        "strategy": strategy,
        "score": score,
        "rank": rank,
        "pool_size": pool_size,
        "key": key,
        "suggestion_hidden": bool(is_hidden),
        "hidden_share": tossed,
        "suggestion": suggestion,
    }


def _standing(db: Session, first: int, last: int) -> Any:
    """What says whose label it is and what is told in another form; then the rest in the order of `_exported`."""
    columns = (
        Label.item_id,
        Label.skip_reason,
        Label.user_id,
        raw.id_text(db, Label.id),
        raw.json_text(db, Label.answer),
        raw.time(db, Label.created_at),
        raw.json_text(db, Label.suggestion),
        raw.plain(db, Label.unsure),
        Label.comment,
        Label.seconds,
        Label.raw_seconds,
        Label.chosen_by,
        Label.inclusion_probability,
        Label.round_number,
        Label.strategy,
        Label.score,
        Label.rank,
        Label.pool_size,
        Label.key,
        raw.plain(db, Label.suggestion_hidden),
        Label.hidden_share,
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
