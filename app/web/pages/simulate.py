"""The page /projects/{id}/simulate: what asking otherwise would have given, on the project's own answers."""

from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from app import drawing
from app.core import plugins
from app.core.replays import written
from app.db import reading, transaction
from app.errors import BadInput, Conflict, Refusal
from app.models import Project
from app.services import projects, simulations
from app.services.users import Caller
from app.web.deps import Id, SignedIn, now
from app.web.pages.forms import Form, back_to, said, text, texts
from app.web.render import page

router = APIRouter(include_in_schema=False)
SIZES = {"wide": (900.0, 380.0), "narrow": (360.0, 320.0)}  # the latter for phones, with letters as large


@router.get("/projects/{project_id}/simulate")
def show(request: Request, caller: SignedIn, project_id: Id, show: int | None = None) -> Response:
    """The form, and the newest simulation, or the one that was asked to be shown."""
    with reading() as db:
        project, role = projects.get(db, caller, project_id, "lead")
        return _page(request, db, caller, project, role, show)


@router.post("/projects/{project_id}/simulate")
def ask(request: Request, caller: SignedIn, project_id: Id, form: Form) -> Response:
    """Ask for a simulation."""
    wish: dict[str, Any] = {"strategies": texts(form, "strategies"), "learners": texts(form, "learners")}
    wish |= {name: text(form, name) for name in ("seeds", "labels", "batch") if text(form, name)}
    try:
        with transaction() as db:
            project, _ = projects.get(db, caller, project_id, "lead")
            made = simulations.create(db, project, caller.user_id, wish, now())
            return back_to(f"/projects/{project_id}/simulate?show={made.id}#result")
    except (BadInput, Conflict) as refusal:
        with reading() as db:
            project, role = projects.get(db, caller, project_id, "lead")
            return _page(request, db, caller, project, role, None, wish, refusal)


@router.get("/projects/{project_id}/simulate/{simulation_id}/live")
def live(request: Request, caller: SignedIn, project_id: Id, simulation_id: Id) -> Response:
    """The part of the page that changes, for the script that swaps it in."""
    with reading() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        found = simulations.shown(simulations.get(db, project, simulation_id), now())
        return page(request, "_simulation.html", project=project, one=found, **_drawn(found))


@router.post("/projects/{project_id}/simulate/{simulation_id}/stop")
def stop(caller: SignedIn, project_id: Id, simulation_id: Id) -> Response:
    """Stop it; what is finished stays."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        simulations.cancel(db, simulations.get(db, project, simulation_id), now())
    return back_to(f"/projects/{project_id}/simulate?show={simulation_id}")


@router.post("/projects/{project_id}/simulate/{simulation_id}/delete")
def delete(caller: SignedIn, project_id: Id, simulation_id: Id) -> Response:
    """Delete it."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        simulations.forget(db, simulations.get(db, project, simulation_id))
    return back_to(f"/projects/{project_id}/simulate", "deleted")


def _page(
    request: Request,
    db: Session,
    caller: Caller,
    project: Project,
    role: str,
    wanted: int | None,
    wish: dict[str, Any] | None = None,
    refusal: Refusal | None = None,
) -> Response:
    every = simulations.listed(db, project)
    chosen = next((one for one in every if one.id == wanted), every[0] if every else None)
    one = simulations.shown(chosen, now()) if chosen else None
    return page(
        request,
        "simulate.html",
        refusal.status if refusal else 200,
        caller=caller,
        project=project,
        role=role,
        said=said(request),
        problem=refusal.detail if refusal else "",
        errors=refusal.extra.get("errors", []) if refusal else [],
        wish=wish or _default(project),
        strategies=[each for each in plugins.describe("strategies") if each.name != "random"],
        learners=plugins.describe("learners"),
        one=one,
        every=[simulations.shown(each, now()) for each in every],
        now=now(),
        **_drawn(one),
    )


def _default(project: Project) -> dict[str, Any]:
    """What the form shows first: the project's own recipe."""
    recipe = project.recipe
    return {"strategies": [written(recipe["strategy"])], "learners": [written(recipe["learner"])], "seeds": "5"}


def _drawn(one: dict[str, Any] | None) -> dict[str, Any]:
    """The curves of a simulation as SVG in two sizes, and the names of its lines."""
    result = (one or {}).get("result")
    if not one or not result or not result["standings"]:
        return {"curves": {}, "names": [], "keys": []}
    standings = result["standings"]
    learners = {each["learner"] for each in standings}
    names = [f"{each['strategy']} · {each['learner']}" if len(learners) > 1 else each["strategy"] for each in standings]
    series = [
        drawing.Series(name, [(x, at["value"], at["low"], at["high"]) for x, at in each["curve"]])
        for name, each in zip(names, standings, strict=True)
    ]
    full = result["full"].values()
    drawn = {}
    for size, (width, height) in SIZES.items():
        shapes = drawing.curves(series, width, height, sum(full) / len(full))
        svg = drawing.svg(shapes, width, height, f"curves-{size}", "Learning curves", result["sentence"], alone=False)
        drawn[size] = Markup(svg)  # noqa: S704  # the drawing escapes every text
    keys = [Markup(drawing.key(number)) for number in range(len(names))]  # noqa: S704  # numbers only
    return {"curves": drawn, "names": names, "keys": keys}
