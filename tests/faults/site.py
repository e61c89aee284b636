"""Where the rig's system lives: disks that can be filled, a database and a broker that can be killed, a clock."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

from celery import Celery

from tests.faults.actions import Site
from tests.faults.cluster import Postgres, Valkey, binaries, can_mount, small_disk
from tests.faults.proxy import Proxy
from tests.loop.system import Place, System, free_port

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
SYSTEM = ("--web-processes", "2", "--workers", "2")
# Short, so that what is taken over and given back is so within a test.
SETTINGS = {"MARGINALIA_LEASE_SECONDS": "15", "MARGINALIA_HEARTBEAT_SECONDS": "6", "OMP_NUM_THREADS": "1"}
SETTINGS["MARGINALIA_SHARD_ROWS"] = "200"  # small, so that both workers score each round, and are met in the middle


def without() -> dict[str, str]:
    """The faults that cannot be done here, and why."""
    found = {}
    if not can_mount():
        found |= dict.fromkeys(("fill the disk", "fill the database's disk"), "mounting a small disk takes root")
    if not FAKETIME:
        found["jump the clock"] = "libfaketime is not installed"
    return found


def missing(kind: str) -> str:
    """Why a system of this kind cannot be run here; empty where it can."""
    if not Path("/proc/self/stat").exists():
        return "processes are looked up in /proc"
    if kind == "postgresql" and binaries() is None:
        return "PostgreSQL's server is not installed"
    return ""


@contextmanager
def made(kind: str, has_clock: bool) -> Iterator[Site]:
    """A site with nothing running yet but its database and broker; everything is gone after the block."""
    with ExitStack() as stack:
        base = Path(mkdtemp(prefix="faults-"))
        base.chmod(0o755)
        stack.callback(shutil.rmtree, base, True)
        settings, clock = dict(SETTINGS), None
        if has_clock:
            clock = base / "clock"
            clock.write_text("+0s")
            settings |= {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME_TIMESTAMP_FILE": str(clock)}
            settings |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
            settings |= {"FAKETIME_CACHE_DURATION": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
        stack.enter_context(small_disk(base / "system", 300))
        site = Site(System(Place(base / "system", free_port(), settings=settings), *SYSTEM), 0, clock=clock)
        if kind == "postgresql":
            _serve(stack, site, base, settings)
        else:
            socket_path = base / "system" / "valkey.sock"
            site.jobs = _celery(f"redis+socket://{socket_path}")
        yield site


def _serve(stack: ExitStack, site: Site, base: Path, settings: dict[str, str]) -> None:
    """A database and a broker of the site's own, each behind a proxy."""
    stack.enter_context(small_disk(base / "postgres", 300))
    (base / "valkey").mkdir()
    site.postgres, site.valkey = Postgres(base / "postgres"), Valkey(base / "valkey")
    stack.callback(site.valkey.stop)
    stack.callback(site.postgres.stop)
    site.postgres.until_up()
    site.valkey.until_up()
    site.postgres.create("marginalia")
    site.to_database, site.to_broker = Proxy(site.postgres.port), Proxy(site.valkey.port)
    stack.callback(site.to_database.close)
    stack.callback(site.to_broker.close)
    database = site.postgres.url("marginalia", site.to_database.port)
    broker = f"redis://127.0.0.1:{site.to_broker.port}/0"
    place = Place(base / "system", free_port(), database, broker, settings=settings)
    site.system = System(place, *SYSTEM)
    site.jobs = _celery(f"redis://127.0.0.1:{site.valkey.port}/0")


def _celery(url: str) -> Celery:
    """A sender of messages beside the product's own."""
    app = Celery("faults", broker=url)
    app.conf.broker_transport_options = {
        "global_keyprefix": "marginalia:",
        "socket_timeout": 2,
        "socket_connect_timeout": 1,
    }
    return app
