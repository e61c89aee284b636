"""Simulations of a project's own answers: asking for one, its bounds, what there is to see, stopping it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app import jobs
from app.core import plugins, tasks
from app.core.replays import Replay, read_spec, replays, rounds_of
from app.core.simulate import TEST_SHARE, Budget
from app.errors import BadInput, Conflict, NotFound
from app.models import LOCK, Encoding, Project, Simulation, SimulationRun
from app.services import recipes, simulation_data

MOST_ITEMS = 5000  # the features of these are in memory, and a replay takes seconds
FEWEST_ITEMS = 20
LABELS, ROUNDS = 200, 25  # by default
MOST_ROUNDS = 60  # of one replay
MOST_KINDS = 12  # strategies times learners: more curves than that nobody can tell apart
KEPT = 20  # finished simulations of a project

Spec = dict[str, Any]


class Wish(BaseModel):
    """What a lead asks for; everything has a default."""

    model_config = ConfigDict(extra="forbid")
    strategies: list[str | Spec] = Field(default=[], max_length=MOST_KINDS)
    learners: list[str | Spec] = Field(default=[], max_length=MOST_KINDS)
    seeds: int = Field(default=5, ge=1, le=20)
    labels: int | None = Field(default=None, ge=10, le=2000)
    batch: int | None = Field(default=None, ge=1, le=500)


def create(db: Session, project: Project, user_id: int, fields: Any, now: datetime) -> Simulation:
    """Ask for a simulation of the answers that stand now. Raises BadInput, Conflict."""
    wish: Wish = recipes.read(Wish, fields)
    db.refresh(project, with_for_update=LOCK)
    if db.scalar(select(Simulation.id).where(Simulation.project_id == project.id, Simulation.state == "open")):
        raise Conflict("A simulation of this project runs already; wait for it, or stop it.")
    encoding = db.get(Encoding, project.encoding_id) if project.encoding_id else None
    if encoding is None or encoding.rows_done == 0:
        raise Conflict("The items are not encoded yet; try again in a moment.")
    known = simulation_data.labelled(
        db,
        project.id,
        tasks.load(project.task),
        project.recipe["aggregation"],
        now,
        encoding.rows_done,
        MOST_ITEMS,
    )
    plan = _plan(project, wish, known.answers)
    made = Simulation(
        project_id=project.id,
        created_by=user_id,
        created_at=now,
        state="open",
        plan={**plan, "facts": known.facts()},
        encoder=encoding.encoder["name"],
        fingerprint=encoding.fingerprint,
        rows=encoding.rows_done,
        rounds_total=sum(rounds_of(one, budget_of(plan)) for one in replays_of(plan)),
    )
    db.add(made)
    db.flush()
    _forget_old(db, project.id)
    jobs.enqueue(db, "run_simulation", project.id)
    return made


def _plan(project: Project, wish: Wish, answers: Sequence[Any]) -> dict[str, Any]:
    strategies = _specs("strategies", wish.strategies) or [project.recipe["strategy"]]
    learners = _specs("learners", wish.learners) or [project.recipe["learner"]]
    if {"name": "random"} not in strategies:
        strategies.append({"name": "random"})
    if len(strategies) * len(learners) > MOST_KINDS:
        raise BadInput(
            f"{len(strategies)} strategies, random among them, with {len(learners)} learners are more than "
            f"{MOST_KINDS} curves.",
            [{"field": "strategies", "error": f"at most {MOST_KINDS} strategies × learners"}],
        )
    labels, batch = _size(wish, answers)
    recipe = {name: project.recipe[name] for name in ("cold_start", "aggregation", "random_share")}
    return {
        "strategies": strategies,
        "learners": learners,
        "seeds": wish.seeds,
        "labels": labels,
        "batch": batch,
        "recipe": recipe,
        "task": tasks.essence(project.task),
    }


def _specs(room: str, wanted: Sequence[str | Spec]) -> list[Spec]:
    try:
        found = [read_spec(room, one) if isinstance(one, str) else plugins.check(room, one) for one in wanted]
    except plugins.UnknownPlugin as error:
        raise BadInput(f"{error}.", [{"field": room, "error": str(error)}]) from None
    return [spec for number, spec in enumerate(found) if spec not in found[:number]]


def _size(wish: Wish, answers: Sequence[Any]) -> tuple[int, int]:
    """Labels to spend and the batch. Raises Conflict where there are too few answers, BadInput for too many labels."""
    different = {str(answer) for answer in answers if answer is not None}
    if len(answers) < FEWEST_ITEMS or len(different) < 2:
        raise Conflict(
            f"At least {FEWEST_ITEMS} items with answers are needed, and two different answers among them; "
            f"there are {len(answers):,} items with {len(different)}."
        )
    left = len(answers) - round(TEST_SHARE * len(answers))
    labels = wish.labels or min(LABELS, left)
    if labels > left:
        told = f"at most {left}: a fifth of the {len(answers):,} items with answers is kept apart to test on"
        raise BadInput("So many labels cannot be spent.", [{"field": "labels", "error": told}])
    batch = wish.batch or max(1, -(-labels // ROUNDS))
    if batch > labels or labels > MOST_ROUNDS * batch:
        told = f"from {-(-labels // MOST_ROUNDS)} to {labels}, so that a replay has {MOST_ROUNDS} rounds at most"
        raise BadInput("The batch does not fit the labels.", [{"field": "batch", "error": told}])
    return labels, batch


def replays_of(plan: dict[str, Any]) -> list[Replay]:
    """Every replay of a plan; its place in the list is its number."""
    return replays(plan["strategies"], plan["learners"], plan["seeds"])


def budget_of(plan: dict[str, Any]) -> Budget:
    """The budget of a plan."""
    return Budget(plan["labels"], plan["batch"], 0)


def get(db: Session, project: Project, simulation_id: int) -> Simulation:
    """One simulation of this project. Raises NotFound."""
    found = db.get(Simulation, simulation_id)
    if found is None or found.project_id != project.id:
        raise NotFound("No such simulation.")
    return found


def listed(db: Session, project: Project) -> list[Simulation]:
    """The project's simulations, newest first."""
    query = select(Simulation).where(Simulation.project_id == project.id).order_by(Simulation.id.desc())
    return list(db.scalars(query))


def cancel(db: Session, made: Simulation, now: datetime) -> None:
    """Stop it; what is finished by then stays. The worker notices at its next sign of life."""
    stopped = update(Simulation).where(Simulation.id == made.id, Simulation.state == "open")
    db.execute(stopped.values(state="cancelled", finished_at=now, owner=None, lease_ends_at=None))
    db.refresh(made)


def forget(db: Session, made: Simulation) -> None:
    """Delete it; if it runs, it stops."""
    db.execute(delete(SimulationRun).where(SimulationRun.simulation_id == made.id))
    db.execute(delete(Simulation).where(Simulation.id == made.id))


def _forget_old(db: Session, project_id: int) -> None:
    query = select(Simulation.id).where(Simulation.project_id == project_id).order_by(Simulation.id.desc())
    old = list(db.scalars(query.offset(KEPT)))
    db.execute(delete(SimulationRun).where(SimulationRun.simulation_id.in_(old)))
    db.execute(delete(Simulation).where(Simulation.id.in_(old)))


def shown(made: Simulation, now: datetime) -> dict[str, Any]:
    """A simulation as the API shows it; `running`: whether a worker is at it."""
    is_running = made.state == "open" and made.lease_ends_at is not None and made.lease_ends_at > now
    plan = {name: value for name, value in made.plan.items() if name not in ("task", "facts")}
    return {
        "id": made.id,
        "state": made.state,
        "running": is_running,
        "created_at": made.created_at,
        "finished_at": made.finished_at,
        "plan": plan,
        "data": made.plan["facts"],
        "encoder": made.encoder,
        "progress": round(made.rounds_done / max(1, made.rounds_total), 4),
        "result": made.result,
        "error": made.error,
    }
