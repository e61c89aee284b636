"""The shapes of an exported item: the whole line, and flat columns for spreadsheets and data frames."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.formats import Columns
from app.core.tasks import Task
from app.models import Item, Label, Project

_LABEL = {
    "id": "string",
    "annotator": "string",
    "answer": "json",
    "seconds": "float",
    "created_at": "time",
    "chosen_by": "string",
    "inclusion_probability": "float",
    "round": "integer",
    "strategy": "string",
    "score": "float",
    "rank": "integer",
    "pool_size": "integer",
    "key": "float",
    "suggestion": "json",
}
_SKIP = {"annotator": "string", "reason": "string", "created_at": "time"}
_FETCHED = 2000


def label_record(label: Label, email: str) -> dict[str, Any]:
    """One label as it is exported: who said what, when, and how the item had been chosen."""
    return {
        "id": str(label.id),
        "annotator": email,
        "answer": label.answer,
        "seconds": label.seconds,
        "created_at": label.created_at,
        "chosen_by": label.chosen_by,
        "inclusion_probability": label.inclusion_probability,
        "round": label.round_number,
        "strategy": label.strategy,
        "score": label.score,
        "rank": label.rank,
        "pool_size": label.pool_size,
        "key": label.key,
        "suggestion": label.suggestion,
    }


def skip_record(label: Label, email: str) -> dict[str, Any]:
    """One skip as it is exported."""
    return {"annotator": email, "reason": label.skip_reason, "created_at": label.created_at}


def flat_columns(db: Session, project: Project, task: Task, predictions: bool) -> Columns:
    """The columns of a flat export of this project, with their kinds."""
    answer = "string" if task.exclusive else "strings"
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
    return None if answer is None else answer["class" if task.exclusive else "classes"]


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
