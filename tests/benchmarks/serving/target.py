"""What a load driver must know of a server: how its two requests are written, and how their answers are read."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar
from urllib.parse import urlsplit


class Target(ABC):
    """One project on one server. An item is whatever `read_next` found; only this class looks into it.

    acknowledged: the statuses that say that an answer was taken.
    """

    acknowledged: ClassVar[tuple[int, ...]] = (201,)

    def __init__(self, url: str, project: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.project = project

    @abstractmethod
    def next(self, token: str) -> bytes:
        """The request that asks for an item."""

    @abstractmethod
    def read_next(self, status: int, body: bytes) -> Any:
        """The item of its answer; None where there is none now. Raises Unexpected."""

    @abstractmethod
    def submit(self, token: str, item: Any) -> list[bytes]:
        """The requests that answer this item, one after the other."""

    def is_taken(self, status: int, body: bytes) -> bool:
        """Whether the server acknowledged one of them. Raises Unexpected."""
        if status not in self.acknowledged:
            raise Unexpected(f"submit: {status} {body[:300]!r}")
        return True

    def name(self, item: Any) -> str:
        """What tells this item from others: its number."""
        return str(item)

    def request(self, method: str, path: str, authorization: str, body: bytes = b"") -> bytes:
        """An HTTP/1.1 request of a connection that is kept."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: {authorization}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


class Unexpected(Exception):
    """An answer that no working server gives; the message quotes it."""
