"""What a web process counts for Prometheus; several processes of one machine add up through files in memory.

`PROMETHEUS_MULTIPROC_DIR`, which the supervisor sets, is where; without it each process tells its own. Labels are
route templates, status codes and names from our own code: nothing that a request can make up.
"""

import hashlib
import os
import shutil
from functools import lru_cache
from pathlib import Path
from tempfile import gettempdir

from prometheus_client import CollectorRegistry, Counter, Histogram, multiprocess
from prometheus_client.core import REGISTRY

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 10.24)

requests = Histogram(
    "marginalia_request_seconds",
    "Seconds from a request's arrival to the end of its answer.",
    ("method", "route", "status"),
    buckets=BUCKETS,
)
labels_accepted = Counter("marginalia_labels_accepted", "Labels stored and acknowledged.", ("kind",))
jobs_sent = Counter("marginalia_jobs_sent", "Jobs handed to the broker, or not.", ("job", "outcome"))


def observe(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a request under its route's template; what has no route is one."""
    _counter(method if method in METHODS else "other", route or "none", status).observe(seconds)


@lru_cache(maxsize=2048)
def _counter(method: str, route: str, status: int) -> Histogram:
    """One of the histograms, found without the library's checks, which take longer than counting."""
    return requests.labels(method, route, str(status))


def registry() -> CollectorRegistry:
    """What to collect from: this process, or all that share the folder."""
    if not os.environ.get(FOLDER):
        return REGISTRY
    made = CollectorRegistry()
    multiprocess.MultiProcessCollector(made)  # type: ignore[no-untyped-call]
    return made


def folder(data_dir: Path) -> Path:
    """An empty folder for the processes of one system, in memory where there is such a place.

    Not in the data directory: the files are mapped, and a full disk would end a process that touches a new page.
    """
    shared = Path("/dev/shm")  # noqa: S108  # made for one user, with a name of its own
    base = shared if os.access(shared, os.W_OK) else Path(gettempdir())
    name = hashlib.sha256(bytes(data_dir.absolute())).hexdigest()[:12]
    made = base / f"marginalia-metrics-{os.getuid()}-{name}"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700)
    return made
