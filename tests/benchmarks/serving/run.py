"""Runs of the load driver: a system, its pools, people in a process of their own, and the table of what they saw."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.report import spread, table
from tests.benchmarks.serving import pool, web
from tests.benchmarks.serving.plan import Plan
from tests.loop.client import Client, make_project, upload
from tests.loop.data import ROOT, short_texts
from tests.loop.system import PLACES, Place, accounts, missing, running, wait_until

QUEUE = 20_000
UPLOAD_ROWS = 20_000
HEAD = [
    "database",
    "web",
    "items",
    "people",
    "answers/s",
    "next p50 ms",
    "next p99 ms",
    "submit p99 ms",
    "web CPU ms",
    "web MB",
]


@dataclass(frozen=True)
class Pool:
    """A project to work on: its number and a token a person."""

    project: int
    tokens: Sequence[str]


def table_of(folder: Path, plan: Plan) -> str:
    """The table, and what it was measured on."""
    rows, notes = [], []
    for database in plan.databases:
        why_not = missing(database)
        if why_not:
            notes.append(f"{database}: {why_not}.")
            continue
        with PLACES[database](folder / database) as place:
            rows += _measure(database, place, plan)
            notes.append(f"{database}: a web process answers {start_seconds(place):.1f} s after its start.")
    return "\n\n".join([_about(plan), table(HEAD, rows), *notes])


def _about(plan: Plan) -> str:
    rounds = (
        "Items are uploaded, encoded (hashed n-grams) and learned by one worker while people answer."
        if plan.rounds
        else f"No worker runs; a published queue of {QUEUE:,} rows (or of all items) is asked."
    )
    return (
        "People who never think, each on a connection of their own: ask for the next item, answer it, ask again, two "
        f"requests an answer. The clients are one process and share the cores with the system. {rounds} "
        f"Every other setting is the default. Median (least to most) of {plan.runs} runs of at most "
        f"{plan.seconds:.0f} s; a small pool is made anew for each. web CPU ms: of all "
        "web processes, for an answer; web MB: the largest of them."
    )


def _measure(database: str, place: Place, plan: Plan) -> list[list[str]]:
    processes = plan.processes(database)
    options = ["--web-processes", str(processes), *([] if plan.rounds else ["--workers", "0"])]
    rows = []
    with running(place, *options):
        # Each costs a slow hash, and only who uploads and works on what was uploaded signs in by one.
        token, people = accounts(place, max(plan.people) if plan.rounds else 0)
        for items in plan.sizes:
            make = _maker(place, plan, token, people, items)
            for count in plan.people:
                found = [_one(place, make(), plan, items, count) for _ in range(plan.runs)]
                row = [database, str(processes), f"{items:,}", str(count), *_shown(found), f"{web.memory():.0f}"]
                print(*row, sep="  ", flush=True)  # it takes minutes; whoever waits sees it go on
                rows.append(row)
    return rows


def _maker(place: Place, plan: Plan, token: str, people: dict[str, str], items: int) -> Callable[[], Pool]:
    """Makes a pool for each run where runs would use it up, else one for all."""
    made: list[Pool] = []

    def make() -> Pool:
        if not made or items <= 4 * plan.seconds * 1000:
            made[:] = [_uploaded(place, token, people, items) if plan.rounds else _written(place, plan, items)]
        return made[0]

    return make


def _written(place: Place, plan: Plan, items: int) -> Pool:
    database = place.database()
    try:
        found = Pool(*pool.make(database, max(plan.people), items, QUEUE))
    finally:
        database.close()
    if place.database_url:  # as the database itself does a minute after a large upload
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    return found


def _uploaded(place: Place, token: str, people: dict[str, str], items: int) -> Pool:
    data = short_texts(items)
    with Client(place.address, token) as lead:
        project = make_project(lead, data.modality, ["yes", "no"], people, encoder={"name": "hashed_ngrams"})
        for start in range(0, len(data.rows), UPLOAD_ROWS):
            upload(lead, project, data.rows[start : start + UPLOAD_ROWS])

        def is_ready() -> bool:
            found = lead.call("GET", f"/projects/{project}/progress")
            done = found["encoding"] and found["encoding"][-1]["rows_done"] == len(data.rows)
            return bool(done and found["queue"])

        wait_until(is_ready, patience=900)
    return Pool(project, list(people.values()))


def _one(place: Place, made: Pool, plan: Plan, items: int, count: int) -> dict[str, Any]:
    seconds, warm = plan.seconds_for(items), plan.warm_seconds(items)
    url, before = f"http://{place.address}", web.cpu_seconds()
    found = clients("marginalia", url, str(made.project), made.tokens[:count], seconds, warm)
    assert found["given_twice"] == 0, found
    answers = found["answers"] * (seconds + warm) / seconds
    return {**found, "web_cpu": 1000 * (web.cpu_seconds() - before) / max(answers, 1)}


def clients(
    target: str, url: str, project: str, tokens: Sequence[str], seconds: float, warm_seconds: float = 1.0
) -> dict[str, Any]:
    """What the people saw; they work in a process of their own."""
    job = {"target": target, "url": url, "project": project, "tokens": list(tokens)}
    told = json.dumps({**job, "seconds": seconds, "warm_seconds": warm_seconds})
    command = [sys.executable, "-m", "tests.benchmarks.serving.clients"]
    done = subprocess.run(command, cwd=ROOT, input=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _shown(found: Sequence[dict[str, Any]]) -> list[str]:
    columns = [
        [one["answers_per_second"] for one in found],
        [one["next"]["p50"] for one in found],
        [one["next"]["p99"] for one in found],
        [one["submit"]["p99"] for one in found],
        [one["web_cpu"] for one in found],
    ]
    return [spread(columns[0]), *(spread(each, digits=1) for each in columns[1:])]


def start_seconds(place: Place) -> float:
    """Seconds from the start of a web process to its first answer."""
    command = [sys.executable, "-m", "app.cli", "web", "--port", str(place.port)]
    began = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, env=place.environment(), stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _answers(place))
            return time.monotonic() - began
        finally:
            process.terminate()


def _answers(place: Place) -> bool:
    with Client(place.address, "") as client:
        try:
            client._connection.request("GET", "/healthz")
            return client._connection.getresponse().status == 200
        except OSError:
            return False
