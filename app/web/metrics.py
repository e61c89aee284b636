"""/metrics, for Prometheus: to whoever has the token, or, where none is set, to the addresses of the setting."""

import secrets
from functools import lru_cache
from ipaddress import ip_address, ip_network

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from app import metrics
from app.errors import NotFound
from app.services.gauges import Gauges
from app.settings import current

router = APIRouter()


@lru_cache(maxsize=1)
def _gauges() -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(Gauges())
    return made


@router.get("/metrics", include_in_schema=False)
def tell(request: Request) -> Response:
    """Counters of the web processes, and gauges of database, broker and disk. Others get 404."""
    if not _may_ask(request):
        raise NotFound
    body = generate_latest(metrics.registry()) + generate_latest(_gauges())
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def _may_ask(request: Request) -> bool:
    settings = current()
    token = settings.metrics_token.get_secret_value()
    if token:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode())
    # Behind a proxy that is not trusted everybody comes from the proxy's address, which may well be a local one.
    if request.client is None or ("x-forwarded-for" in request.headers and not settings.trusted_proxies):
        return False
    return _is_among(request.client.host, settings.metrics_from)


@lru_cache(maxsize=256)
def _is_among(address: str, listed: str) -> bool:
    try:
        known = ip_address(address)
        return any(known in ip_network(one.strip(), strict=False) for one in listed.split(",") if one.strip())
    except ValueError:
        return False
