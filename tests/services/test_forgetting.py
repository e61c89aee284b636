"""Which rounds' arrays stay on disk."""

from datetime import datetime, timedelta

from app.db import reading, transaction
from app.models import Project, Round
from app.services import rounds
from tests.conftest import NOW, MakeProject


def _round(project: Project, number: int, **fields: datetime) -> Round:
    at = NOW + timedelta(seconds=number)
    made = Round(project_id=project.id, number=number, state="published", opened_at=at, seed=1, recipe={}, **fields)
    with transaction() as db:
        db.add(made)
    return made


def test_a_measured_round_and_one_being_measured_are_kept_however_many_rounds_follow(
    make_project: MakeProject,
) -> None:
    project = make_project()
    older = _round(project, 1, measured_at=NOW)
    measured = _round(project, 2, measured_at=NOW)
    taken = _round(project, 3, measure_ends_at=NOW)
    later = [_round(project, 4 + i) for i in range(rounds.KEPT_ROUNDS + 1)]
    with reading() as db:
        kept = rounds.forget_old(db, project.id)
    assert kept == {measured.id, taken.id, *(one.id for one in later[1:])}
    assert older.id not in kept
