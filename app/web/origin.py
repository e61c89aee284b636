"""Where a request comes from: the host it names, the site whose page sent it."""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from app.settings import current
from app.web.deps import SAFE

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(?::\d{1,5})?")
_PORTS = {"http": ":80", "https": ":443"}


def is_known_host(host: str | None) -> bool:
    """Whether we answer to this name; a request without one (HTTP/1.0) has nothing to be tricked with.

    A page of another site can make its own name point here, and would then pass for ours: so who listens on the
    machine itself answers to its names only, until the setting `trusted_hosts` says more.
    """
    if host is None:
        return True
    match, settings = _HOST.fullmatch(host), current()
    return match is not None and _is_trusted(match["name"].lower().rstrip("."), settings.host, settings.trusted_hosts)


@lru_cache(maxsize=256)
def _is_trusted(name: str, listening: str, trusted: str) -> bool:
    if is_loopback(name):
        return True
    listed = [one.strip().lower() for one in trusted.split(",") if one.strip()]
    if not listed:
        return not is_loopback(listening)
    return any(one in ("*", name) or (one.startswith(".") and name.endswith(one)) for one in listed)


def is_loopback(name: str) -> bool:
    """Whether a name or address is this machine, seen from itself."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_bearer(headers: Headers) -> bool:
    """Whether a request carries a token. A browser adds none by itself, unlike a password of HTTP's own."""
    return headers.get("authorization", "").lower().startswith("bearer ")


def is_foreign(method: str, scheme: str, headers: Headers) -> bool:
    """Whether another site's page made this browser send an unsafe request with our cookie.

    A browser says where a request comes from in Sec-Fetch-Site, Origin or Referer; a client that sends none of them
    is no browser, and cannot have been tricked by a page. Nor can one that carries a token.
    """
    # Signing in carries no cookie yet, and must not be done for somebody by another site, either.
    if method in SAFE or is_bearer(headers):
        return False
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    said = headers.get("origin") or headers.get("referer")
    return said is not None and not _is_same(said, scheme, headers.get("host", ""))


def _is_same(said: str, scheme: str, host: str) -> bool:
    """Whether an origin is the address that was called. "null", which a sandboxed frame sends, is nobody's."""
    try:
        parts = urlsplit(said)
    except ValueError:
        return False
    if scheme == "https" and parts.scheme != "https":
        return False  # whoever can change a page on its way could send from there
    port = _PORTS.get(parts.scheme, "")
    named = parts.netloc.lower()
    return bool(named) and named.removesuffix(port) == host.lower().removesuffix(port)
