"""The rig: the real system under load, faults by a schedule, and the judgement: nothing lost, doubled, stranded."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app.db import Database
from app.models import Label
from app.settings import Settings
from tests.faults import site as sites
from tests.faults.actions import Site, perform
from tests.faults.load import PATIENCE, Erratic
from tests.faults.schedule import Event, schedule
from tests.loop.client import Client, export, make_project, upload
from tests.loop.data import table
from tests.loop.system import accounts, wait_until

PEOPLE = 8
RECOVERS_WITHIN = 90.0

Say = Callable[[str], None]


def run(kind: str, seed: int, minutes: float, items: int, think: float, say: Say = lambda _: None) -> Erratic:
    """One run; raises AssertionError where an invariant is broken."""
    cannot = sites.without()
    events = schedule(seed, kind, minutes, frozenset(cannot))
    for name, why in cannot.items():
        say(f"left out: {name} ({why})")
    has_clock = any("jump the clock" in event.faults for event in events)
    with sites.made(kind, has_clock) as site:
        site.system.start()
        try:
            return _play(site, events, seed, items, think, say)
        except BaseException:
            _tell(site, say)
            raise
        finally:
            site.system.stop()


def _play(site: Site, events: list[Event], seed: int, items: int, think: float, say: Say) -> Erratic:
    place, data = site.system.place, table(items)
    token, people = accounts(place, PEOPLE)
    with Client(place.address, token, PATIENCE) as lead:
        votes = 1 + seed % 2
        site.project = make_project(lead, data.modality, data.classes, people, votes_wanted=votes)
        assert upload(lead, site.project, data.rows) == items
        crowd = Erratic(place.address, people, site.project, data.truth, seed)
        with crowd.at_work(think):
            crowd.wait_for(10, RECOVERS_WITHIN)
            for number, event in enumerate(events):
                _happen(site, event, crowd, f"{number + 1}/{len(events)}", say)
            crowd.wait_for(len(crowd.acknowledged) + 2 * PEOPLE, RECOVERS_WITHIN)
        say(f"{len(crowd.acknowledged)} acknowledged, {crowd.retries} retries, 5xx {dict(crowd.failures)}")
        _judge(site, lead, crowd, items)
        failures = crowd.failures + lead.failures
    assert not set(failures) - {503, 507}, f"not told as what they are: {dict(failures)}"
    return crowd


def _happen(site: Site, event: Event, crowd: Erratic, number: str, say: Say) -> None:
    """The faults of one event, together; then people must get on."""
    time.sleep(event.pause)
    began = time.monotonic()
    failures: list[BaseException] = []

    def guarded(name: str) -> None:
        try:
            perform(site, name, event.seconds, event.luck)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(name,)) for name in event.faults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    ended = time.monotonic()
    if not site.system.is_running:  # two faults of one event may both have restarted it
        site.system.start()
    crowd.wait_for(len(crowd.acknowledged) + PEOPLE, RECOVERS_WITHIN)
    times = f"{ended - began:.1f} s, back after {time.monotonic() - ended:.1f} s"
    say(f"{number} {' + '.join(event.faults)}: {times}, {len(crowd.acknowledged)} answers")


def _judge(site: Site, lead: Client, crowd: Erratic, items: int) -> None:
    """What must hold once the faults are over."""
    _wait_until_all_is_learned(lead, site.project)
    wait_until(
        lambda: lead.call("GET", f"/projects/{site.project}/progress")["open_leases"] == 0,
        lambda: "leases without an end",
        60,
    )
    lines = export(lead, site.project)
    exported = [
        (label["id"], line["id"], label["annotator"], label["answer"]) for line in lines for label in line["labels"]
    ]
    promised = [(name, one.item_id, one.annotator, one.answer) for name, one in crowd.standing().items()]
    assert sorted(exported, key=str) == sorted(promised, key=str), "exported is not what was acknowledged"
    assert len(lines) == items
    assert _stored(site) == {UUID(name) for name in crowd.stored()}, "stored is not what was acknowledged"
    checked = site.system.place.command("check", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["holds"] is True
    assert _strays(site) == []


def _wait_until_all_is_learned(lead: Client, project: int) -> None:
    """Rounds go on by themselves: until nothing waits to be learned, and the queue's round is the newest."""
    found: dict[str, object] = {}

    def is_learned() -> bool:
        found.update(lead.call("GET", f"/projects/{project}/progress"))
        return found["unlearned"] == 0 and found["round"] is not None

    wait_until(is_learned, lambda: f"not learned: {found}", RECOVERS_WITHIN)


def _stored(site: Site) -> set[UUID]:
    told = {"data_dir": site.system.place.folder}
    if site.postgres is not None:
        told = {**told, "database_url": site.postgres.url("marginalia")}
    database = Database(Settings.model_validate(told).database)
    try:
        with database.read_session() as db:
            return set(db.scalars(select(Label.id).where(Label.project_id == site.project)))
    finally:
        database.close()


def _strays(site: Site) -> list[Path]:
    """Half files outside the folder where the sweep looks for them."""
    folder = site.system.place.folder
    return [path for path in folder.rglob(".part-*") if path.parent != folder / "tmp"]


def _tell(site: Site, say: Say) -> None:
    """The ends of the logs, for whoever has to find out why."""
    say(site.system.told()[-2000:])
    for log in sorted((site.system.place.folder / "logs").glob("*.log")):
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4000))
            say(f"--- {log.name}\n{file.read().decode(errors='replace')}")
