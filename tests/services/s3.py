"""A server that speaks S3 over HTTP, one that only answers errors, and hosts that share what lies in a bucket."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

from app import storage
from app.settings import current
from tests.loop.system import free_port


def options(port: int) -> dict[str, Any]:
    """What fsspec is told to speak to a server here."""
    return {"endpoint_url": f"http://127.0.0.1:{port}", "key": "a-key", "secret": "a-secret-of-the-test"}


@contextmanager
def serving() -> Iterator[int]:
    """A server in a process of its own; its port."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=1).close()
                break
            except (URLError, OSError):
                assert time.monotonic() < until
                time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def failing(status: int, code: str) -> Iterator[int]:
    """A server that answers everything with one error of S3; its port."""

    class Failing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # which lets the client go on when it asks whether it may

        def _fail(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _fail  # noqa: N815  # the server's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def new_bucket(port: int) -> str:
    """The URL of an empty bucket."""
    import fsspec

    name = f"bucket-{uuid4().hex[:12]}"
    fsspec.filesystem("s3", **options(port)).mkdir(name)
    return f"s3://{name}/marginalia"


class Hosts:
    """Machines that have nothing in common but the database and the storage: each has a data directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store_in(self, url: str, told: dict[str, Any] | None = None) -> None:
        """What lies in the storage from now on lies there."""
        os.environ["MARGINALIA_STORAGE"] = url
        os.environ["MARGINALIA_STORAGE_OPTIONS"] = json.dumps(told) if told else ""
        storage.bucket.cache_clear()
        current.cache_clear()

    def go(self, name: str) -> Path:
        """Be another machine from now on; its data directory."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        os.environ["MARGINALIA_DATA_DIR"] = str(place)
        current.cache_clear()
        return place
