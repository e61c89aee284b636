"""/healthz: the process lives. /readyz: it can do its work: the database answers, the broker answers."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from sqlalchemy import text

from app import jobs
from app.db import reading
from app.web.answers import answer

router = APIRouter(tags=["health"])


@router.get("/healthz", include_in_schema=True)
def alive() -> Response:
    """Always 200 while the process serves requests."""
    return answer({"status": "alive"})


@router.get("/readyz", include_in_schema=True)
def ready() -> Response:
    """200 when database and broker answer, else 503 with what does not. Labelling needs the database only."""
    found = {"database": _try(_database), "broker": _try(_broker)}
    return answer(found, 200 if set(found.values()) == {"ok"} else 503)


def _try(part: Callable[[], None]) -> str:
    try:
        part()
    except Exception as error:  # whatever it is, it means: not ready
        return type(error).__name__
    return "ok"


def _database() -> None:
    with reading() as db:
        db.execute(text("SELECT 1 FROM project LIMIT 1")).all()


def _broker() -> None:
    with jobs.celery.connection_for_write(transport_options={"socket_connect_timeout": 1}) as connection:
        connection.ensure_connection(max_retries=1, timeout=2)
