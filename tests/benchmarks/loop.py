"""How long an answer takes to change the queue: from the label's time to the time its round was published."""

import time
from pathlib import Path

from sqlalchemy import select

from app.models import Label, Round
from tests.benchmarks.report import quantile, table
from tests.loop.client import Client, make_project, upload
from tests.loop.data import DataSet, short_texts
from tests.loop.people import Crowd
from tests.loop.system import PLACES, Place, accounts, missing, running, wait_until

PEOPLE, THINK = 8, 0.5
PATIENCE = 1200.0  # a slow machine encodes 10,000 texts in minutes


def run(folder: Path, quick: bool) -> str:
    """The table, one line for each stretch of work: the pool's better encoding begins and ends meanwhile."""
    items, answers = (500, 100) if quick else (10_000, 600)
    data = short_texts(items)
    rows, skipped = [], []
    for kind in ("sqlite",) if quick else ("sqlite", "postgresql"):
        why_not = missing(kind)
        if why_not:
            skipped.append(f"{kind}: {why_not}.")
            continue
        with PLACES[kind](folder / kind) as place, running(place):
            rows += [[kind, *row] for row in _measure(place, data, answers)]
    head = ["database", "while", "answers", "a second", "p50 s", "p95 s", "most s", "rounds", "round p50 s"]
    about = (
        f"{items:,} items ({data.name}, {len(data.classes)} classes), the default recipe, one worker; "
        f"{PEOPLE} people with {THINK} s to think on average. Seconds from an answer's time to the publication "
        "of the round that learned it."
    )
    return "\n\n".join([about, table(head, rows), *skipped])


def _measure(place: Place, data: DataSet, answers: int) -> list[list[str]]:
    """Two stretches of answers: from the upload on, and once the pool has the better features."""
    token, people = accounts(place, PEOPLE)
    with Client(place.address, token) as lead:
        project = make_project(lead, data.modality, data.classes, people)
        upload(lead, project, data.rows)
        crowd = Crowd(place.address, people, project, data.truth)
        first = _stretch(place, lead, project, crowd, answers)
        wait_until(lambda: _is_encoded(lead, project), patience=PATIENCE)
        second = _stretch(place, lead, project, crowd, answers)
    return [["the pool is encoded", *first], ["the pool is encoded whole", *second]]


def _is_encoded(lead: Client, project: int) -> bool:
    found = lead.call("GET", f"/projects/{project}/progress")["encoding"]
    return bool(found[-1]["in_use"] and found[-1]["rows_done"] == found[-1]["items"])


def _stretch(place: Place, lead: Client, project: int, crowd: Crowd, answers: int) -> list[str]:
    known = set(crowd.acknowledged)
    began = time.monotonic()
    with crowd.at_work(THINK):
        crowd.wait_for(len(known) + answers, patience=PATIENCE)
    seconds = time.monotonic() - began
    wait_until(lambda: bool(lead.call("GET", f"/projects/{project}/progress")["unlearned"] == 0))
    waits, rounds = _waits(place, set(crowd.acknowledged) - known)
    found = [f"{len(waits):,}", f"{len(waits) / seconds:.1f}"]
    found += [f"{quantile(waits, share):.2f}" for share in (0.5, 0.95, 1.0)]
    found += [str(len(rounds)), f"{quantile(rounds, 0.5):.2f}"]
    print(*found, sep="  ", flush=True)  # it takes minutes; whoever waits sees it go on
    return found


def _waits(place: Place, labels: set[str]) -> tuple[list[float], list[float]]:
    """Seconds each of these labels waited for its round, and how long those rounds took."""
    database = place.database()
    query = (
        select(Label.id, Label.created_at, Round.id, Round.opened_at, Round.published_at)
        .join(Round, Round.id == Label.learned_round_id)
        .where(Round.published_at.is_not(None))
    )
    waits, rounds = [], {}
    try:
        with database.read_session() as db:
            for label, created, number, opened, published in db.execute(query):
                if str(label) in labels and published is not None:
                    waits.append((published - created).total_seconds())
                    rounds[number] = (published - opened).total_seconds()
    finally:
        database.close()
    return waits, list(rounds.values())
