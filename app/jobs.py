"""Background jobs: the Celery application, and `enqueue()`: remembered now, sent after the commit.

A job is a hint and carries ids only; the database is the truth. A lost message is healed by the sweep, and a
doubled one finds nothing to do.
"""

import contextvars
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from celery import Celery
from sqlalchemy.orm import Session

from app import log, metrics
from app.settings import current
from app.steady import Every

ROUNDS = "rounds"  # short: a person waits for the next queue
ENCODING = "encoding"  # long: minutes at a stretch, in a worker of its own
QUEUES = {
    "run_round": ROUNDS,
    "score_shards": ROUNDS,
    "sweep": ROUNDS,
    "explain": ROUNDS,
    "run_encoding": ENCODING,
    "measure_round": ENCODING,
    "run_simulation": ENCODING,
}
SWEEP_SECONDS = 0.5
# The sweep says again what is still true; without an end, its messages would pile up behind a busy worker.
EXPIRES_SECONDS = 10

_log = log.get(__name__)
_KEY = "jobs"


def make_celery() -> Celery:
    """The Celery application, told where the broker is."""
    app = Celery("marginalia", broker=current().broker)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=ROUNDS,
        task_routes={name: {"queue": queue} for name, queue in QUEUES.items()},
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A round's lease is in the database: a worker that lost the broker finishes what it holds.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_transport_options={
            "global_keyprefix": current().redis_prefix + ":",
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "max_retries": 1,
        },
        beat_schedule={
            # A sweep that waited longer than its own period tells nothing new.
            "sweep": {"task": "sweep", "schedule": Every(SWEEP_SECONDS), "options": {"expires": 5, "queue": ROUNDS}}
        },
        timezone="UTC",
    )
    return app


celery = make_celery()


def enqueue(db: Session, name: str, *ids: int) -> None:
    """Remember a job; it is sent once, after this session's transaction has committed, or never."""
    wanted: list[tuple[str, tuple[int, ...]]] = db.info.setdefault(_KEY, [])
    if (name, ids) not in wanted:
        wanted.append((name, ids))


def take(db: Session) -> list[tuple[str, tuple[int, ...]]]:
    """The jobs that were remembered in this session; it forgets them."""
    jobs: list[tuple[str, tuple[int, ...]]] = db.info.pop(_KEY, [])
    return jobs


def send(remembered: list[tuple[str, tuple[int, ...]]]) -> None:
    """Hand jobs to the broker. A broker that is away costs nothing: the sweep asks the database the same question."""
    for name, ids in remembered:
        try:
            options = {"queue": QUEUES[name], "headers": _context(), "expires": EXPIRES_SECONDS}
            celery.send_task(name, args=ids, retry=False, **options)
            metrics.jobs_sent.labels(name, "sent").inc()
        except Exception as error:  # whatever the transport raises, the answer that was saved stays saved
            metrics.jobs_sent.labels(name, "failed").inc()
            _log.warning("job not sent", job=name, ids=ids, error=str(error))


def send_soon(remembered: list[tuple[str, tuple[int, ...]]]) -> None:
    """`send` in a thread of its own, for those who must not wait for the broker: it may be slow, or away."""
    if remembered:
        _sender().submit(contextvars.copy_context().run, send, remembered)


@lru_cache(maxsize=1)
def _sender() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "job-sender")


def _context() -> dict[str, Any]:
    """The request id, so that the worker's log lines can be found from a click."""
    import structlog

    return {"request_id": structlog.contextvars.get_contextvars().get("request_id", "")}
