"""Short work that waits at the same moment: one transaction on SQLite, one each on PostgreSQL, the same promises."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app import jobs
from app.db import Database, reading, together
from app.models import User
from tests.conftest import NOW

Work = Callable[[Session], Any]


def adding(email: str) -> Work:
    def work(db: Session) -> str:
        db.add(User(email=email, password_hash="", created_at=NOW))
        return email

    return work


def failing(db: Session) -> None:
    adding("never@example.org")(db)
    db.flush()
    raise ValueError("of its own")


async def _all(*pieces: Work) -> list[Any]:
    return await asyncio.gather(*(together(one) for one in pieces), return_exceptions=True)


def run(*pieces: Work) -> list[Any]:
    """What each gave or raised; all wait at the same moment."""
    return asyncio.run(_all(*pieces))


def emails() -> set[str]:
    with reading() as db:
        return set(db.scalars(select(User.email)))


def count_commits(database: Database) -> list[int]:
    commits: list[int] = []
    event.listen(database.looking_up, "commit", lambda _: commits.append(1))
    return commits


def test_what_waits_together_is_committed_together_and_each_gets_its_own_result(database: Database) -> None:
    commits = count_commits(database)
    wanted = [f"{number}@example.org" for number in range(30)]
    assert run(*map(adding, wanted)) == wanted
    assert emails() == set(wanted)
    if database.is_sqlite:
        assert len(commits) < 30


def test_one_that_fails_fails_alone(database: Database) -> None:
    found = run(adding("a@example.org"), failing, adding("b@example.org"))
    assert isinstance(found[1], ValueError)
    assert (found[0], found[2]) == ("a@example.org", "b@example.org")
    assert emails() == {"a@example.org", "b@example.org"}


def test_one_that_breaks_a_constraint_at_its_end_fails_alone(database: Database) -> None:
    found = run(adding("a@example.org"), adding("a@example.org"), adding("b@example.org"))
    assert [type(one) for one in found].count(IntegrityError) == 1
    assert emails() == {"a@example.org", "b@example.org"}


def test_a_commit_that_fails_fails_everyone_in_it_and_stores_nothing(database: Database) -> None:
    def refuse(_connection: Any) -> None:
        raise OperationalError("COMMIT", {}, OSError("the disk is full"))

    event.listen(database.looking_up, "commit", refuse)
    found = run(adding("a@example.org"), adding("b@example.org"))
    event.remove(database.looking_up, "commit", refuse)
    assert [type(one) for one in found] == [OperationalError, OperationalError]
    assert emails() == set()
    assert run(adding("a@example.org")) == ["a@example.org"]


def test_nobody_is_told_before_the_commit(database: Database) -> None:
    async def look() -> int:
        await together(adding("a@example.org"))
        with reading() as db:
            return db.scalar(select(func.count()).select_from(User)) or 0

    assert asyncio.run(look()) == 1


def test_jobs_of_the_failed_are_forgotten_and_the_others_are_sent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(jobs, "send_soon", sent.extend)

    def asks(db: Session) -> None:
        jobs.enqueue(db, "run_round", 1)

    def fails(db: Session) -> None:
        jobs.enqueue(db, "run_round", 2)
        raise ValueError

    run(asks, fails)
    assert sent == [("run_round", (1,))]


def test_a_connection_that_died_in_the_pool_costs_nobody_anything(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no connection that could die")
    run(adding("a@example.org"))
    with database.writing.connect() as other:
        mine = "pid <> pg_backend_pid() AND datname = current_database()"
        other.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))
        assert run(adding("b@example.org")) == ["b@example.org"]
