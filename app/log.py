"""Logging: one JSON line an event, with a request id that follows a click into the worker; readable on a terminal."""

import logging
import sys
from types import TracebackType
from typing import Any

import orjson
import structlog

from app import redact

# Two sweeps a second would be four lines a second that say nothing; Alembic tells of every plug-in it finds.
_TALKATIVE = ("celery.worker.strategy", "celery.app.trace", "celery.worker.request", "celery.beat", "alembic")


def configure(level: str = "info", form: str = "auto") -> None:
    """Send every log line of this process, ours and the libraries', to standard error.

    `form`: json, text, or auto: text where standard error is a terminal.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    if not is_text:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    renderer: Any = structlog.dev.ConsoleRenderer() if is_text else structlog.processors.JSONRenderer(_json)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact.secrets, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)
    if not is_text:
        sys.excepthook = _last_words
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)


def _json(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends a process is a line like every other."""
    logging.getLogger("app").critical("process ended by an error", exc_info=(kind, error, trace))


def get(name: str) -> Any:
    """The logger of one module; call it as `log.info("round published", round=7)`."""
    return structlog.stdlib.get_logger(name)
