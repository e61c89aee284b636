"""What database, broker and disk say at this moment, for Prometheus: queries only, kept for some seconds."""

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app import copies, files, jobs, store
from app.db import database, reading
from app.models import Encoding, Label, Lease, Project, QueueRow, Round, Simulation, Worker
from app.services import readiness

KEPT_SECONDS = 5.0  # so that many scrapers cost no more than one
ALIVE_WITHIN = timedelta(seconds=20)

Values = dict[tuple[str, ...], float]


class Gauges:
    """A collector that asks when it is scraped; a part that does not answer is left out."""

    def __init__(self) -> None:
        self._lock, self._known, self._until = Lock(), [], 0.0  # type: tuple[Lock, list[Metric], float]

    def describe(self) -> Iterable[Metric]:
        """Nothing: asking the database is for scrapes, not for registering."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Every gauge."""
        with self._lock:
            if time.monotonic() > self._until:
                self._known = list(_collect())
                self._until = time.monotonic() + KEPT_SECONDS
            return self._known


def _collect() -> Iterable[Metric]:
    for name, told, label_names, ask in _GAUGES:
        with suppress(Exception), reading() as db:
            family = GaugeMetricFamily(f"marginalia_{name}", told, labels=label_names)
            for labels, value in ask(db).items():
                family.add_metric(labels, value)
            yield family


def _one(value: float | None) -> Values:
    return {(): float(value or 0)}


def _count(*where: Any) -> Callable[[Session], Values]:
    return lambda db: _one(db.scalar(select(func.count()).where(*where)))


def _rounds(db: Session) -> Values:
    return {(state,): n for state, n in db.execute(select(Round.state, func.count()).group_by(Round.state))}


def _last_rounds(db: Session) -> list[dict[str, Any]]:
    """The seconds of the rounds of the last minutes, at most the last hundred."""
    since = datetime.now(UTC) - timedelta(minutes=10)
    query = select(Round.seconds).where(Round.state == "published", Round.published_at > since)
    return [one or {} for one in db.scalars(query.order_by(Round.id.desc()).limit(100))]


def _steps(db: Session) -> Values:
    found: dict[str, list[float]] = {}
    for seconds in _last_rounds(db):
        for step, value in seconds.items():
            if isinstance(value, int | float):
                found.setdefault(step, []).append(value)
    return {(step,): sum(values) / len(values) for step, values in found.items()}


def _encoding_speed(db: Session) -> Values:
    sums: dict[str, list[float]] = {}
    for one in db.scalars(select(Encoding).where(Encoding.seconds > 0)):
        known = sums.setdefault(one.encoder["name"], [0.0, 0.0])
        known[0] += one.rows_done
        known[1] += one.seconds
    return {(name,): rows / seconds for name, (rows, seconds) in sums.items()}


def _unencoded(db: Session) -> Values:
    query = select(func.sum(Project.next_row - Encoding.rows_done)).join(Encoding, Encoding.id == Project.encoding_id)
    return _one(db.scalar(query))


def _workers(db: Session) -> Values:
    found: Values = dict.fromkeys([(jobs.ROUNDS,), (jobs.ENCODING,)], 0.0)
    for queues in db.scalars(select(Worker.queues).where(Worker.seen_at > datetime.now(UTC) - ALIVE_WITHIN)):
        for queue in queues.split(","):
            found[(queue,)] = found.get((queue,), 0.0) + 1
    return found


def _messages(_db: Session) -> Values:
    with jobs.celery.connection_for_write(transport_options={"socket_connect_timeout": 1}) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=2)
        client = connection.default_channel.client
        return {(queue,): float(client.llen(queue)) for queue in sorted(set(jobs.QUEUES.values()))}


def _connections(db: Session) -> Values:
    """PostgreSQL: everybody's, by state; SQLite: what this process has in use."""
    if database().is_sqlite:
        pools = (database().writing.pool, database().reading.pool)
        return {("in use",): float(sum(pool.checkedout() for pool in pools))}  # type: ignore[attr-defined]  # a QueuePool
    states = "SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity"
    query = text(f"{states} WHERE datname = current_database() GROUP BY 1")
    return {(state,): float(n) for state, n in db.execute(query)}


def _disk(_db: Session) -> Values:
    usage = shutil.disk_usage(store.root())
    found: Values = {("free",): float(usage.free), ("total",): float(usage.total)}
    if files.bucket() is not None:
        found[("copies",)] = float(copies.size())
    return found


def _ready(_db: Session) -> Values:
    return {(part,): float(said == readiness.OK) for part, said in readiness.look().items()}


_GAUGES: tuple[tuple[str, str, tuple[str, ...], Callable[[Session], Values]], ...] = (
    ("ready", "Whether a part can do its work, as /readyz asks it.", ("part",), _ready),
    ("projects", "Projects.", (), _count(Project.id.is_not(None))),
    ("items", "Items of all projects.", (), lambda db: _one(db.scalar(select(func.sum(Project.next_row))))),
    ("leases_live", "Items in somebody's hands.", (), _count(Lease.ended_at.is_(None))),
    (
        "leases_late",
        "Leases past their end that no sweep has ended yet.",
        (),
        lambda db: _count(Lease.ended_at.is_(None), Lease.ends_at < datetime.now(UTC))(db),
    ),
    ("queue_rows", "Items chosen to be asked next, of all projects.", (), _count(QueueRow.rank.is_not(None))),
    ("labels_unlearned", "Labels that no round has seen.", (), _count(Label.learned_round_id.is_(None))),
    ("rounds", "Rounds, by state.", ("state",), _rounds),
    ("round_step_seconds", "Mean seconds of a step in the rounds of the last ten minutes.", ("step",), _steps),
    ("encoding_items_per_second", "Items a second of an encoder, over all it did.", ("encoder",), _encoding_speed),
    ("items_unencoded", "Items without features of the encoder in use.", (), _unencoded),
    ("simulations_open", "Simulations that are not finished.", (), _count(Simulation.state == "open")),
    ("workers_alive", "Worker processes heard of lately, by the queue they serve.", ("queue",), _workers),
    ("broker_messages", "Messages that wait in the broker.", ("queue",), _messages),
    ("database_connections", "Connections to the database, by state.", ("state",), _connections),
    ("data_directory_bytes", "Room of the data directory.", ("kind",), _disk),
)
