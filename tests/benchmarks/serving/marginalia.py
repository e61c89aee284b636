"""Marginalia as a target."""

import random
from typing import Any
from uuid import uuid4

import orjson

from tests.benchmarks.serving.target import Target, Unexpected

ANSWERS = ({"class": "yes"}, {"class": "no"})


class Marginalia(Target):
    """`next` and `submit`, each a request of its own."""

    def next(self, token: str) -> bytes:
        """GET …/next."""
        return self.request("GET", f"/api/v1/projects/{self.project}/next?n=1", f"Bearer {token}")

    def read_next(self, status: int, body: bytes) -> Any:
        """The item's number."""
        if status != 200:
            raise Unexpected(f"next: {status} {body[:300]!r}")
        found = orjson.loads(body)["items"]
        return found[0]["item"]["id"] if found else None

    def submit(self, token: str, item: Any) -> list[bytes]:
        """POST …/labels, with an id of the client's own."""
        body = orjson.dumps({"id": str(uuid4()), "answer": random.choice(ANSWERS), "seconds": 0.5})
        return [self.request("POST", f"/api/v1/items/{item}/labels", f"Bearer {token}", body)]
