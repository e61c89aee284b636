"""Celery's entry point: `celery -A workers.main worker`. Prepares the process, registers the tasks."""

import os
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from celery import signals

from app import jobs, log, stopping
from app.db import transaction
from app.models import Worker
from app.settings import current
from workers import tasks

app = jobs.celery
BEAT_SECONDS = 5.0
log.configure(current().log_level, current().log_format)  # Celery warns of things before it asks how to log
_log = log.get(__name__)

for name in jobs.QUEUES:
    app.task(name=name)(getattr(tasks, name))


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def _logging(**_: Any) -> None:
    log.configure(current().log_level, current().log_format)


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _import_torch(**_: Any) -> None:
    """Now, or the first round would pay seconds for it."""
    import torch

    from app.core import devices

    torch.set_num_threads(current().torch_threads)
    _log.info("device", device=str(devices.use(current().device)))


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _signs_of_life(sender: Any, **_: Any) -> None:
    tasks.recover()
    stopping.end_at_second()
    queues = ",".join(sorted(sender.app.amqp.queues.consume_from)) or jobs.ROUNDS
    name = f"{sender.hostname}.{os.getpid()}"
    threading.Thread(target=_beat_for_ever, args=(name, queues), daemon=True).start()


def _beat_for_ever(name: str, queues: str) -> None:
    stopped = threading.Event()
    while not stopped.wait(BEAT_SECONDS):
        try:
            with transaction() as db:
                db.merge(Worker(name=name, queues=queues, doing=tasks.doing(), seen_at=datetime.now(UTC)))
            tasks.sweep_if_nobody_does()
            if current().alive_file:
                Path(current().alive_file).touch()
        except Exception as error:  # the database may be restarting; the next beat tells
            _log.warning("sign of life not written", error=str(error))


@signals.task_prerun.connect  # type: ignore[untyped-decorator]
def _bind(task: Any, **_: Any) -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        job=task.name, request_id=(task.request.headers or {}).get("request_id", ""), host=socket.gethostname()
    )
