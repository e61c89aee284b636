"""How many people the server serves: answers a second, and how long the next item takes, by people and pool."""

import time
from pathlib import Path

from tests.benchmarks.report import quantile, spread, table
from tests.loop.client import Client, make_project, upload
from tests.loop.data import DataSet, short_texts
from tests.loop.people import Crowd
from tests.loop.system import PLACES, Place, accounts, missing, running, wait_until

UPLOAD_ROWS = 20_000
PATIENCE = 300.0


def run(folder: Path, quick: bool) -> str:
    """The table: pools by people, on each database that answers; median and spread of three runs."""
    sizes = (1000,) if quick else (1000, 10_000, 100_000)
    rows, skipped = [], []
    for kind in ("sqlite",) if quick else ("sqlite", "postgresql"):
        why_not = missing(kind)
        if why_not:
            skipped.append(f"{kind}: {why_not}.")
            continue
        with PLACES[kind](folder / kind) as place, running(place):
            lead, people = accounts(place, 32)
            for size in sizes:
                rows += [[kind, *row] for row in _measure(place, lead, people, size, quick)]
    head = ["database", "items", "texts", "people", "answers/s", "next p50 ms", "next p99 ms", "next most ms"]
    about = (
        "People who never think: each asks for the next item and answers it at once, while rounds go on "
        "(one worker, hashed n-grams, every other default). One web process; the clients are threads of one "
        "Python process and take their share of the cores. Median (least to most) of the runs."
    )
    return "\n\n".join([about, table(head, rows), *skipped])


def _measure(place: Place, token: str, people: dict[str, str], size: int, quick: bool) -> list[list[str]]:
    data = short_texts(size)
    runs, answers = (1, 50) if quick else (3, 100 if size <= 1000 else 400)
    rows = []
    with Client(place.address, token) as lead:
        project = _ready_project(lead, people, data)
        for count in (8, 32):
            crowd = Crowd(place.address, dict(list(people.items())[:count]), project, data.truth)
            found = [_burst(crowd, answers) for _ in range(runs)]
            speed, p50, p99, most = (spread(list(each), digits=1) for each in zip(*found, strict=True))
            rows.append([f"{size:,}", data.name, str(count), speed, p50, p99, most])
            print(*rows[-1], sep="  ", flush=True)  # it takes minutes; whoever waits sees it go on
        lead.call("DELETE", f"/projects/{project}")
    return rows


def _ready_project(lead: Client, people: dict[str, str], data: DataSet) -> int:
    """A project with all its items encoded and its first queue published."""
    encoder = {"name": "hashed_ngrams"}
    project = make_project(lead, data.modality, data.classes, people, encoder=encoder)
    for start in range(0, len(data.rows), UPLOAD_ROWS):
        upload(lead, project, data.rows[start : start + UPLOAD_ROWS])

    def is_ready() -> bool:
        found = lead.call("GET", f"/projects/{project}/progress")
        done = found["encoding"] and found["encoding"][-1]["rows_done"] == len(data.rows)
        return bool(done and found["queue"])

    wait_until(is_ready, patience=PATIENCE)
    return project


def _burst(crowd: Crowd, answers: int) -> tuple[float, float, float, float]:
    """Answers a second, and milliseconds of `next` in the middle, at 99 of 100, and at worst."""
    before, asked = len(crowd.acknowledged), len(crowd.next_seconds)
    began = time.monotonic()
    with crowd.at_work(0.0):
        crowd.wait_for(before + answers, patience=PATIENCE)
    seconds = time.monotonic() - began
    waits = [1000 * each for each in crowd.next_seconds[asked:]]
    speed = (len(crowd.acknowledged) - before) / seconds
    return speed, quantile(waits, 0.5), quantile(waits, 0.99), max(waits)
