"""The worker's side of a simulation: who holds it, what it reads, what it keeps of each replay, how it ends."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app import jobs
from app.core import tasks
from app.core.comparison import sentence
from app.core.data import some_of
from app.core.evaluation.curves import RESAMPLES
from app.core.replays import Replay, full_of, standings
from app.core.simulate import Budget, Known
from app.models import Simulation, SimulationRun
from app.services import simulation_data
from app.services.simulations import MOST_ITEMS, budget_of, replays_of
from app.settings import current

SLICE_SECONDS = 2.0  # of work between two looks at what else waits
QUICK_RESAMPLES = 500  # while it runs: the final intervals of many curves take a second


class LeaseLostError(Exception):
    """Another worker has taken this simulation, or it was stopped: nothing more may be written."""


@dataclass(frozen=True)
class Taken:
    """A simulation that this worker holds, and what there is to do; `kept` are the finished replays by number."""

    simulation_id: int
    project_id: int
    owner: str
    plan: dict[str, Any]
    wanted: Sequence[Replay]
    budget: Budget
    kept: dict[int, dict[str, Any]]


def due(db: Session, now: datetime) -> list[int]:
    """The projects with a simulation that nobody is at."""
    return list(db.scalars(select(Simulation.project_id).where(*_free(now))))


def _free(now: datetime) -> list[Any]:
    is_free = or_(Simulation.lease_ends_at.is_(None), Simulation.lease_ends_at <= now)
    return [Simulation.state == "open", is_free]


def take(db: Session, project_id: int, owner: str, now: datetime) -> Taken | None:
    """Take the project's simulation, if there is one and nobody is at it; of two messages one finds nothing."""
    found = db.scalar(select(Simulation).where(Simulation.project_id == project_id, *_free(now)))
    if found is None:
        return None
    taken = update(Simulation).where(Simulation.id == found.id, *_free(now))
    kept = db.execute(taken.values(owner=owner, lease_ends_at=_lease_end(now)))
    if kept.rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE's result has it
        return None
    runs = db.scalars(select(SimulationRun).where(SimulationRun.simulation_id == found.id))
    done = {one.number: one.result for one in runs}
    return Taken(found.id, project_id, owner, found.plan, replays_of(found.plan), budget_of(found.plan), done)


def read(db: Session, taken: Taken) -> Known:
    """The data set as it stood when the simulation was asked for. Raises LookupError where it cannot be had."""
    made = db.get_one(Simulation, taken.simulation_id)
    task, by = tasks.load(taken.plan["task"]), taken.plan["recipe"]["aggregation"]
    found = simulation_data.labelled(db, taken.project_id, task, by, made.created_at, made.rows, MOST_ITEMS)
    if len(found.answers) != taken.plan["facts"]["items"]:
        raise LookupError("the items that this simulation began with are not there any more")
    features = simulation_data.features(taken.project_id, made.fingerprint, made.rows)
    return Known(task, some_of(features, found.rows), found.answers)


def hand_back(db: Session, taken: Taken) -> None:
    """Let another worker go on with what is not finished, at once."""
    mine = update(Simulation).where(Simulation.id == taken.simulation_id, Simulation.owner == taken.owner)
    db.execute(mine.values(owner=None, lease_ends_at=None))


def beat(db: Session, taken: Taken, rounds_done: int, now: datetime) -> None:
    """Say that it is alive, and how far. Raises LeaseLostError where it is no longer ours, or was stopped."""
    mine = update(Simulation).where(
        Simulation.id == taken.simulation_id, Simulation.state == "open", Simulation.owner == taken.owner
    )
    kept = db.execute(mine.values(lease_ends_at=_lease_end(now), rounds_done=rounds_done))
    if kept.rowcount == 0:  # type: ignore[attr-defined]  # as above
        raise LeaseLostError


def keep(db: Session, taken: Taken, number: int, result: dict[str, Any], rounds_done: int, now: datetime) -> None:
    """Put one finished replay down, if it is still ours to do."""
    beat(db, taken, rounds_done, now)
    db.add(SimulationRun(simulation_id=taken.simulation_id, number=number, result=result))


def publish(db: Session, taken: Taken, result: dict[str, Any], is_whole: bool, rounds_done: int, now: datetime) -> None:
    """Show what the finished replays say, and end it or give it back for the next slice."""
    beat(db, taken, rounds_done, now)
    made = db.get_one(Simulation, taken.simulation_id, populate_existing=True)
    made.result, made.owner, made.lease_ends_at = result, None, None
    if is_whole:
        made.state, made.finished_at = "done", now
    else:
        jobs.enqueue(db, "run_simulation", taken.project_id)


def told(taken: Taken) -> dict[str, Any]:
    """What the finished replays say together, as plain data."""
    results = [taken.kept[number] for number in sorted(taken.kept)]
    is_whole = len(results) == len(taken.wanted)
    measure = tasks.load(taken.plan["task"]).measure
    found = standings(results, measure, RESAMPLES if is_whole else QUICK_RESAMPLES)
    full = full_of(results, measure)
    by_learner: dict[str, list[float]] = {}
    for (learner, _), value in full.items():
        by_learner.setdefault(learner, []).append(value)
    return {
        "sentence": sentence(found),
        "measure": measure,
        "full": {learner: float(np.mean(values)) for learner, values in by_learner.items()},
        "replays": {"finished": len(taken.kept), "wanted": len(taken.wanted)},
        "standings": [asdict(one) for one in found],
    }


def fail(db: Session, taken: Taken, error: str, now: datetime) -> None:
    """Record why it cannot go on."""
    mine = update(Simulation).where(
        Simulation.id == taken.simulation_id, Simulation.state == "open", Simulation.owner == taken.owner
    )
    db.execute(mine.values(state="failed", error=error[:4000], finished_at=now, owner=None, lease_ends_at=None))


def give_up(db: Session, is_dead: Callable[[str], bool]) -> int:
    """Take from dead workers what they held, without waiting for their leases' ends; returns how many."""
    held = db.scalars(select(Simulation).where(Simulation.state == "open", Simulation.owner.is_not(None)))
    ended = [made for made in held if is_dead(made.owner or "")]
    for made in ended:
        made.owner, made.lease_ends_at = None, None
    return len(ended)


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=current().heartbeat_seconds)
