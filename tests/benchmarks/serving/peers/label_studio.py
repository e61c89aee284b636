"""Label Studio as a target, over its own REST API: the labelling stream's next task, then an annotation for it.

A token is a legacy API token or, from 1.18 on, an access token, told as `Bearer …`. The project needs a Choices
control named `label` on an object named `text`, as its template for text classification has.
"""

from typing import Any

import orjson

from tests.benchmarks.serving.target import Target, Unexpected

RESULT = [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["yes"]}}]


class LabelStudio(Target):
    """GET /api/projects/ID/next, which locks the task for this person; POST /api/tasks/ID/annotations/."""

    def next(self, token: str) -> bytes:
        """The next task of the stream."""
        return self.request("GET", f"/api/projects/{self.project}/next", _authorization(token))

    def read_next(self, status: int, body: bytes) -> Any:
        """The task's number; None where there is no task left."""
        if status == 404:
            return None
        if status != 200:
            raise Unexpected(f"next: {status} {body[:300]!r}")
        return orjson.loads(body)["id"]

    def submit(self, token: str, item: Any) -> list[bytes]:
        """An annotation."""
        body = orjson.dumps({"result": RESULT, "lead_time": 0.5})
        return [self.request("POST", f"/api/tasks/{item}/annotations/", _authorization(token), body)]


def _authorization(token: str) -> str:
    return token if " " in token else f"Token {token}"
