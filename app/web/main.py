"""The web application: `make_app()` puts the routers together; nothing here knows what they do."""

from fastapi import FastAPI

from app import log
from app.settings import current
from app.web import api, health, metrics, openapi, pages, problems
from app.web.guard import Guard
from app.web.short import Short


def make_app() -> FastAPI:
    """The application, ready to serve."""
    log.configure(current().log_level, current().log_format)
    made = FastAPI(
        title="Marginalia",
        description="Human-in-the-loop annotation. Send `Authorization: Bearer …` with an API token.",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # ours works offline: /api/docs
        redoc_url=None,
    )
    made.add_middleware(Short)
    made.add_middleware(Guard)  # the outermost: added last
    problems.install(made)
    for router in [*api.routers(), *pages.routers(), health.router, metrics.router]:
        made.include_router(router)
    openapi.describe(made)
    return made


app = make_app()
