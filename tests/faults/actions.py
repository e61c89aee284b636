"""The faults: each begins, lasts, and is over; what it breaks, it mends only as an operator would."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery

from tests.faults import cluster
from tests.faults.proxy import Proxy
from tests.loop.system import System

JOBS = dict.fromkeys(("run_round", "score_shards"), "rounds")
JOBS |= dict.fromkeys(("run_encoding", "measure_round", "run_simulation"), "encoding")


@dataclass
class Site:
    """The system and everything around it that can be broken."""

    system: System
    project: int
    postgres: cluster.Postgres | None = None
    valkey: cluster.Valkey | None = None
    to_database: Proxy | None = None
    to_broker: Proxy | None = None
    clock: Path | None = None  # the file that libfaketime reads
    jobs: Celery | None = None
    starting: threading.Lock = field(default_factory=threading.Lock)  # two faults that start it anew take turns


Fault = Callable[[Site, float, random.Random], None]


def perform(site: Site, name: str, seconds: float, luck: int) -> None:
    """Run one fault to its end."""
    rng = random.Random(f"{luck} {name}")
    verb, _, part = name.partition(" ")
    if name in FAULTS:
        FAULTS[name](site, seconds, rng)
    elif verb == "kill":
        site.system.kill(part)
    else:
        _freeze(_pids(site, part), seconds)


def _pids(site: Site, part: str) -> list[int]:
    return [pid for name, pid in site.system.every_child() if name == part]


def _freeze(pids: list[int], seconds: float) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _kill_several(site: Site, _seconds: float, rng: random.Random) -> None:
    parts = sorted({name for name, _ in site.system.every_child()})
    site.system.kill(*rng.sample(parts, min(len(parts), rng.randint(2, 3))))


def _kill_all(site: Site, _seconds: float, _rng: random.Random) -> None:
    site.system.kill(*{name for name, _ in site.system.every_child()})


def _kill_parent(site: Site, seconds: float, _rng: random.Random) -> None:
    with site.starting:
        site.system.kill_parent()
        time.sleep(seconds / 2)
        site.system.start()


def _restart(site: Site, seconds: float, _rng: random.Random) -> None:
    with site.starting:
        site.system.stop()
        time.sleep(seconds / 4)
        site.system.start()


def _fill(folder: Path, seconds: float) -> None:
    """No room for a while; first SQLite's log is cut, for in an old one new answers find room for a long time."""
    database = folder / "marginalia.sqlite3"
    if database.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(database, timeout=2)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ballast = cluster.fill(folder)
    time.sleep(2 * seconds)
    ballast.unlink(missing_ok=True)


def _fill_disk(site: Site, seconds: float, _rng: random.Random) -> None:
    _fill(site.system.place.folder, seconds)


def _fill_database(site: Site, seconds: float, _rng: random.Random) -> None:
    assert site.postgres is not None
    _fill(site.postgres.folder.parent, seconds)
    site.postgres.until_up()


def _outsleep(site: Site, _seconds: float, rng: random.Random) -> None:
    """One process sleeps for longer than whatever it holds, and goes on as if nothing had been."""
    living = [pid for name, pid in site.system.every_child() if name in ("web", "rounds", "encoding")]
    _freeze(rng.sample(living, min(1, len(living))), rng.uniform(17, 22))


def _flush_broker(site: Site, _seconds: float, _rng: random.Random) -> None:
    """Every message is gone."""
    assert site.jobs is not None
    with suppress(Exception), site.jobs.connection_for_write() as connection:  # it may be another fault's victim
        connection.default_channel.client.flushall()


def _cut_power(site: Site, seconds: float, _rng: random.Random) -> None:
    """Everything at once, the database and the broker, too; then everything is started."""
    database = _database(site)
    assert site.valkey is not None
    with site.starting:
        site.valkey.kill()
        database.kill()
        site.system.kill_parent()
        time.sleep(seconds / 3)
        database.until_up()
        site.valkey.until_up()
        site.system.start()


def _freeze_broker(site: Site, seconds: float, _rng: random.Random) -> None:
    own = _pids(site, "broker")
    _freeze(own or ([site.valkey.process.pid] if site.valkey and site.valkey.process else []), seconds)


def _kill_broker(site: Site, seconds: float, _rng: random.Random) -> None:
    if site.valkey is None:
        site.system.kill("broker")
        return
    site.valkey.kill()
    time.sleep(seconds)
    site.valkey.until_up()


def _double(site: Site, seconds: float, _rng: random.Random) -> None:
    """Every job again and again, whether it is due or not."""
    _send(site, seconds, lambda: {})


def _late(site: Site, seconds: float, rng: random.Random) -> None:
    """Jobs that come when nobody expects them any more."""
    _send(site, seconds, lambda: {"countdown": rng.uniform(1, 8)})


def _send(site: Site, seconds: float, options: Callable[[], dict[str, Any]]) -> None:
    assert site.jobs is not None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for name, queue in JOBS.items():
            for _ in range(2):
                with suppress(Exception):  # the broker may be the victim of another fault at this moment
                    site.jobs.send_task(name, args=[site.project], queue=queue, retry=False, **options())
        time.sleep(0.1)


def _sweeps(site: Site, seconds: float, _rng: random.Random) -> None:
    """Two workers sweep at once, and some more beside them that nobody asked for."""
    assert site.jobs is not None
    for _ in range(int(10 * seconds)):
        with suppress(Exception):
            site.jobs.send_task("sweep", queue="rounds", retry=False)
    command = [sys.executable, "-c", "from workers.tasks import sweep; [sweep() for _ in range(20)]"]
    place = site.system.place
    both = [subprocess.Popen(command, env=place.environment(), stderr=subprocess.DEVNULL) for _ in range(2)]
    for one in both:
        one.wait(60)


def _jump(site: Site, seconds: float, rng: random.Random) -> None:
    """The clock of every process of ours goes seconds or hours forward or back, and comes back."""
    assert site.clock is not None
    site.clock.write_text(rng.choice(["+18000s", "+3600s", "+40s", "-40s", "-3600s", "-18000s"]))
    time.sleep(2 * seconds)
    site.clock.write_text("+0s")


def _database(site: Site) -> cluster.Postgres:
    assert site.postgres is not None
    return site.postgres


def _kill_database(site: Site, seconds: float, _rng: random.Random) -> None:
    _database(site).kill()
    time.sleep(seconds / 3)
    _database(site).until_up()


def _kill_backends(site: Site, _seconds: float, rng: random.Random) -> None:
    """One backend dies: PostgreSQL ends all others and recovers by itself."""
    with suppress(ProcessLookupError, IndexError):
        os.kill(rng.choice(_database(site).pids()[1:]), signal.SIGKILL)
    _database(site).until_up()


def _freeze_database(site: Site, seconds: float, _rng: random.Random) -> None:
    _freeze(_database(site).pids(), seconds)


@contextmanager
def _back(proxy: Proxy | None) -> Iterator[Proxy]:
    assert proxy is not None
    yield proxy
    proxy.restore()


def _cut(of: Callable[[Site], Proxy | None]) -> Fault:
    def cut(site: Site, seconds: float, _rng: random.Random) -> None:
        with _back(of(site)) as proxy:
            proxy.cut()
            time.sleep(seconds)

    return cut


def _delay(of: Callable[[Site], Proxy | None]) -> Fault:
    def delay(site: Site, seconds: float, rng: random.Random) -> None:
        with _back(of(site)) as proxy:
            proxy.delay = rng.uniform(0.05, 0.5)
            time.sleep(seconds)

    return delay


FAULTS: dict[str, Fault] = {
    "kill several": _kill_several,
    "kill all": _kill_all,
    "kill parent": _kill_parent,
    "kill broker": _kill_broker,
    "freeze broker": _freeze_broker,
    "flush broker": _flush_broker,
    "outsleep the leases": _outsleep,
    "cut the power": _cut_power,
    "fill the disk": _fill_disk,
    "fill the database's disk": _fill_database,
    "double messages": _double,
    "late messages": _late,
    "sweeps at once": _sweeps,
    "jump the clock": _jump,
    "restart all": _restart,
    "kill database": _kill_database,
    "kill backends": _kill_backends,
    "freeze database": _freeze_database,
    "cut database": _cut(lambda site: site.to_database),
    "cut broker": _cut(lambda site: site.to_broker),
    "delay database": _delay(lambda site: site.to_database),
    "delay broker": _delay(lambda site: site.to_broker),
}
