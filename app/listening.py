"""The web server's socket: opened once, by whoever starts the web processes, and asked whether it is healthy."""

import errno
import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Unavailable


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens; it belongs to the parent, so that no request is refused while a web process restarts."""
    family, kind, protocol, _, place = _resolve(host, port)
    deadline = time.monotonic() + 2.0  # children of a killed run may hold the port for a moment
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        while True:
            try:
                listener.bind(place)
                listener.listen(2048)
                break
            except OSError as error:
                if time.monotonic() > deadline or not is_in_use(error):
                    advice = "choose another with --port; 0 takes a free one"
                    raise Unavailable(f"Cannot listen on {host}:{port}, {error.strerror}: {advice}.") from None
                time.sleep(0.1)
        yield listener


def is_in_use(error: OSError) -> bool:
    """Whether an address was refused because somebody else has it."""
    return error.errno == errno.EADDRINUSE


def _resolve(host: str, port: int) -> tuple[int, int, int, str, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Unavailable(f"Cannot listen on {host}: {error.strerror}.") from None
    return found[0]  # type: ignore[return-value]


def address(listener: socket.socket) -> str:
    """The URL for a browser on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not listened on
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_healthy(listener: socket.socket) -> bool:
    """Whether /healthz answers."""
    connection = http.client.HTTPConnection(address(listener).removeprefix("http://"), timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
