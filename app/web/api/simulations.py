"""Simulations of a project's own answers: ask for one, watch it, stop it, read what it says."""

from typing import Any

from fastapi import APIRouter, Body, Response

from app.db import reading, transaction
from app.services import projects, simulations
from app.web.answers import answer
from app.web.deps import Id, SignedIn, now
from app.web.strict_json import StrictRoute

router = APIRouter(prefix="/api/v1/projects/{project_id}/simulations", tags=["simulations"], route_class=StrictRoute)

WISH = {"strategies": ["margin", "maxherding:bandwidth=0.8"], "learners": ["linear"], "seeds": 5, "labels": 200}


@router.get("")
def listed(project_id: Id, caller: SignedIn) -> Response:
    """The simulations, newest first, without their curves."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        found = [simulations.shown(one, now()) for one in simulations.listed(db, project)]
    for one in found:
        del one["result"]
    return answer({"simulations": found})


@router.post("", status_code=202)
def ask(project_id: Id, caller: SignedIn, wish: dict[str, Any] = Body(default={}, examples=[WISH])) -> Response:  # noqa: B008
    """Ask for one: every strategy with every learner, from so many seeds, on the answers that stand now.

    Everything has a default: the project's strategy and learner, 5 seeds, 200 labels or what there is. `random` comes
    by itself. One runs at a time for a project (409).
    """
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        made = simulations.create(db, project, caller.user_id, wish, now())
        return answer(simulations.shown(made, now()), 202)


@router.get("/{simulation_id}")
def one(project_id: Id, simulation_id: Id, caller: SignedIn) -> Response:
    """One simulation: its progress, and in `result` what the finished replays say."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        return answer(simulations.shown(simulations.get(db, project, simulation_id), now()))


@router.post("/{simulation_id}/cancel")
def cancel(project_id: Id, simulation_id: Id, caller: SignedIn) -> Response:
    """Stop it; what is finished by then stays."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        made = simulations.get(db, project, simulation_id)
        simulations.cancel(db, made, now())
        return answer(simulations.shown(made, now()))


@router.delete("/{simulation_id}", status_code=204)
def delete(project_id: Id, simulation_id: Id, caller: SignedIn) -> Response:
    """Delete it; if it runs, it stops."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        simulations.forget(db, simulations.get(db, project, simulation_id))
        return Response(status_code=204)
