"""doccano as a target, over the REST API of its own pages: the first example not yet confirmed, a category, confirm.

doccano has no queue: its page asks for the list of unconfirmed examples and shows one of them. With several people the
list's head is the same for all, so each takes a random one of the first hundred; two may still be given the same.
"""

import random
from typing import Any, ClassVar

import orjson

from tests.benchmarks.serving.target import Target, Unexpected

LOOK = 100


class Doccano(Target):
    """GET …/examples?confirmed=false; POST …/categories and …/states. `project` is ID:LABEL_TYPE, as 1:3."""

    # 400 where somebody else has given this example the same category, whose work is then lost.
    acknowledged: ClassVar[tuple[int, ...]] = (201, 400)

    def __init__(self, url: str, project: str) -> None:
        super().__init__(url, project.partition(":")[0])
        self.label = int(project.partition(":")[2] or 1)

    def next(self, token: str) -> bytes:
        """The unconfirmed examples."""
        path = f"/v1/projects/{self.project}/examples?confirmed=false&limit={LOOK}&offset=0"
        return self.request("GET", path, f"Token {token}")

    def read_next(self, status: int, body: bytes) -> Any:
        """One example's number."""
        if status != 200:
            raise Unexpected(f"next: {status} {body[:300]!r}")
        found = orjson.loads(body)["results"]
        return random.choice(found)["id"] if found else None

    def submit(self, token: str, item: Any) -> list[bytes]:
        """A category, then the example is confirmed."""
        base = f"/v1/projects/{self.project}/examples/{item}"
        body = orjson.dumps({"label": self.label})
        return [
            self.request("POST", f"{base}/categories", f"Token {token}", body),
            self.request("POST", f"{base}/states", f"Token {token}", b"{}"),
        ]
