"""The sweep: every moment, the questions that jobs are hints for. Whatever was lost by a crash is found here."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import copies, jobs, store
from app.db import reading
from app.models import Lease, Project, SignIn, Worker
from app.services import encodings, explanations, measuring, rounds, shards, simulation_work, tries, uploads

KEPT = timedelta(days=1)


def wanted(db: Session, now: datetime) -> list[tuple[str, int]]:
    """The jobs that should run now: (job, id). Queries only, so that an idle sweep writes nothing."""
    found = [("run_round", due.project_id) for due in rounds.due(db, now)]
    found += [("score_shards", project_id) for project_id in shards.free_projects(db, shards.SCORE, now)]
    found += [("run_encoding", project_id) for project_id in encodings.pending(db, now)]
    found += [("explain", explanation_id) for explanation_id in explanations.waiting(db, now)]
    found += [("measure_round", project_id) for project_id, _ in measuring.due(db, now)]
    return found + [("run_simulation", project_id) for project_id in simulation_work.due(db, now)]


def ask(db: Session, found: list[tuple[str, int]]) -> None:
    """Send these jobs when the transaction has committed."""
    for name, number in found:
        jobs.enqueue(db, name, number)


def tidy(db: Session, now: datetime) -> None:
    """Forget what nobody can need any more."""
    db.execute(delete(Lease).where(Lease.ended_at < now - KEPT))
    db.execute(delete(SignIn).where(SignIn.ends_at < now))
    tries.forget(db, now)
    db.execute(delete(Worker).where(Worker.seen_at < now - timedelta(days=1)))
    explanations.forget_old(db, now)


def tidy_store(now: datetime) -> None:
    """The same of files; in no transaction, since a bucket may take its time."""
    uploads.forget_spools(now)
    store.forget_temporary(now.timestamp() - KEPT.total_seconds())
    copies.trim(now.timestamp())
    there = store.projects_on_disk()  # before it is asked which there are: one that is created now has no arrays yet
    with reading() as db:
        gone = there - set(db.scalars(select(Project.id)))
    for project_id in gone:
        store.forget_project(project_id)
