"""The data set that a project is, with its own features or to be encoded anew."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.commands.simulating.dataset import DataSet
from app.errors import BadInput, NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.models import Project
    from app.services.simulation_data import Labelled


def of_project(project_id: int, encodes: bool) -> DataSet:
    """The items of a project whose answers are known; `encodes`: with their contents, else with its own features.

    Raises NotFound, BadInput.
    """
    from app.core.data import some_of
    from app.db import reading
    from app.models import Encoding, Project
    from app.services import encoding_data, simulation_data

    with reading() as db:
        project = db.get(Project, project_id)
        if project is None:
            raise NotFound("No such project.")
        found = _labelled(db, project)
        data = _described(db, project, found)
        encoding = db.get(Encoding, project.encoding_id) if project.encoding_id else None
        if encodes or encoding is None or encoding.rows_done < project.next_row:
            return replace(data, contents=encoding_data.contents_of(data.seen_as, data.items))
        features = simulation_data.features(project_id, encoding.fingerprint, encoding.rows_done)
        seen_by = (encoding.encoder["name"], encoding.fingerprint)
        return replace(data, features=some_of(features, found.rows), seen_by=seen_by)


def _labelled(db: "Session", project: "Project") -> "Labelled":
    from app.core import tasks
    from app.services import simulation_data

    task, by, rows = tasks.load(project.task), project.recipe["aggregation"], project.next_row
    found = simulation_data.labelled(db, project.id, task, by, datetime.now(UTC), rows, rows)
    if not found.answers:
        raise BadInput("Nothing in this project has an answer yet: label items, or upload answers as truth.")
    return found


def _described(db: "Session", project: "Project", found: "Labelled") -> DataSet:
    from sqlalchemy import select

    from app.core import tasks
    from app.models import Item

    query = select(Item.row, Item.content).where(Item.project_id == project.id).order_by(Item.row)
    contents: dict[int, dict[str, Any]] = {int(row): content for row, content in db.execute(query)}
    items = [contents[row] for row in found.rows.tolist()]
    task_json = tasks.essence(project.task)
    said = [f"{found.truth:,} answers are hidden truth, {found.merged:,} merged from people's labels"]
    return DataSet(
        project.name, project.modality, task_json, items, [], found.answers, recipe=project.recipe, said=said
    )
