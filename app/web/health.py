"""/healthz: the process lives. /readyz: the system can do its work, or which part cannot."""

from fastapi import APIRouter, Response

from app.services import readiness
from app.web.answers import answer

router = APIRouter(tags=["health"])


@router.get("/healthz", include_in_schema=True)
def alive() -> Response:
    """Always 200 while the process serves requests; it asks nobody else."""
    return answer({"status": "alive"})


@router.get("/readyz", include_in_schema=True)
def ready() -> Response:
    """200 when every part can do its work, else 503 with what is wrong of which. Labelling needs the database only.

    Parts: the database at the newest migration, the broker, the data directory writable and with room, the storage
    where it is a URL, a worker heard of within half a minute.
    """
    found = readiness.look()
    return answer(found, 200 if set(found.values()) == {readiness.OK} else 503)
