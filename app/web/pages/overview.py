"""The pages /projects/{id} and /projects/{id}/live: how the labels and the model are doing."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.models import Project
from app.services import outlook, progress, projects, rounds, skips, sway
from app.services.users import Caller
from app.web.charts import Point
from app.web.deps import Id, SignedIn, now
from app.web.pages.assets import colors_url, media_url
from app.web.pages.forms import back_to, said
from app.web.render import page

router = APIRouter(include_in_schema=False)
ROUNDS = 20
QUEUE = 5
STEPS = ("read", "merge", "fit", "choose", "exemplars")  # as they follow each other; PostgreSQL keeps no order


@router.get("/projects/{project_id}")
def show(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """The lead's page; annotators see how far the project and they themselves are."""
    return _page(request, caller, project_id, "overview.html")


@router.get("/projects/{project_id}/live")
def live(request: Request, caller: SignedIn, project_id: Id) -> Response:
    """The part of the page that changes, for the script that swaps it in."""
    return _page(request, caller, project_id, "_live.html")


@router.post("/projects/{project_id}/round")
def ask_for_round(caller: SignedIn, project_id: Id) -> Response:
    """Ask for a round now."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        rounds.ask(db, project, now())
    return back_to(f"/projects/{project_id}", "round")


@router.post("/projects/{project_id}/round/cancel")
def cancel_round(caller: SignedIn, project_id: Id) -> Response:
    """End the round that runs."""
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        rounds.cancel(db, project, now())
    return back_to(f"/projects/{project_id}", "cancelled")


def _page(request: Request, caller: Caller, project_id: int, template: str) -> Response:
    with reading() as db:
        project, role = projects.get(db, caller, project_id)
        context: dict[str, Any] = {"caller": caller, "project": project, "role": role, "said": said(request)}
        context |= {"colors": colors_url(project), "media": media_url(project), "now": now()}
        context["done"] = progress.progress(db, project, caller.user_id)
        if role == "lead":
            context |= _for_leads(db, project)
        return page(request, template, **context)


def _for_leads(db: Session, project: Project) -> dict[str, Any]:
    curve = progress.learning_curve(db, project)
    counts = progress.class_counts(db, project)
    ahead = outlook.outlook(db, project, curve)
    latest = [_drawn(one) for one in progress.rounds(db, project, ROUNDS)]
    return {
        "outlook": ahead,
        "to_come": [_point(one) for one in ahead["forecast"] or ()],
        "curve": curve,
        "points": [_point(one) for one in curve],
        "counts": counts,
        "most": max(counts.values(), default=0) or 1,
        "indexes": {each["name"]: number for number, each in enumerate(project.task["classes"])},
        "queue": progress.queue_rows(db, project, QUEUE),
        "skips": skips.reasons(db, project),
        "rounds": latest,
        "step_names": STEPS,
        "longest_round": max((sum(one["steps"].values()) for one in latest), default=0.0),
        "sway": sway.shown(db, project),
        "people": progress.annotators(db, project),
        "workers": progress.workers(db, now()),
    }


def _drawn(one: dict[str, Any]) -> dict[str, Any]:
    """The round with the seconds of its steps in their order, without their total."""
    took = one["seconds"] or {}
    return one | {"steps": {name: took[name] for name in STEPS if name in took}, "took": took.get("total")}


def _point(one: dict[str, Any]) -> Point:
    return Point(round(one["labels"]), one["estimate"], one["low"], one["high"])
