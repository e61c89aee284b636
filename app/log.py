"""Logging: one JSON line an event, with a request id that follows a click into the worker."""

import logging
import sys
from typing import Any

import structlog


def configure(level: str = "info") -> None:
    """Send every log line of this process, ours and the libraries', to standard error as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for talkative in ("celery.worker.strategy", "celery.app.trace", "celery.worker.request", "celery.beat"):
        # Two sweeps a second would be four lines a second that say nothing.
        logging.getLogger(talkative).setLevel(logging.WARNING)


def get(name: str) -> Any:
    """The logger of one module; call it as `log.info("round published", round=7)`."""
    return structlog.stdlib.get_logger(name)
