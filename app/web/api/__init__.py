"""The REST API, one file a noun, under /api/v1."""

from fastapi import APIRouter

PREFIX = "/api/v1"


def routers() -> list[APIRouter]:
    """Every router of the API; imported here, so that importing one noun does not import all."""
    from app.web.api import (
        exemplars,
        explanations,
        exports,
        items,
        labels,
        me,
        plugins,
        projects,
        queue,
        rounds,
        simulations,
    )

    return [
        noun.router
        for noun in (projects, items, queue, exemplars, explanations, labels, rounds, simulations, exports, plugins, me)
    ]
