"""A client of our own REST API for simulated people: what broke on the way is sent again as it was."""

import http.client
import json
import time
from types import TracebackType
from typing import Any

from app.errors import Unavailable

PATIENCE = 60.0
PAUSE = 0.1


class Client:
    """One person's connection. Not for use by two threads at once."""

    def __init__(self, address: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=30)
        self._token = token

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None, media_type: str = "application/json") -> Any:
        """The answer's JSON. A broken connection or a 5xx is tried again; raises Unavailable for what stays refused."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                status, content = self._once(method, path, data, media_type)
            except (OSError, http.client.HTTPException) as error:
                status, content = 503, repr(error).encode()
                self._connection.close()
            if status < 400:
                return json.loads(content) if content else None
            if status < 500 or time.monotonic() > deadline:
                raise Unavailable(f"{method} {path}: {status} {content[:500].decode(errors='replace')}")
            time.sleep(PAUSE)

    def _once(self, method: str, path: str, data: bytes | None, media_type: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": media_type}
        self._connection.request(method, f"/api/v1{path}", data, headers)
        response = self._connection.getresponse()
        return response.status, response.read()
