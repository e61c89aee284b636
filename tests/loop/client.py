"""A client of the REST API that goes on as a browser would: what broke on the way is sent again as it was."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

PATIENCE = 60.0
PAUSE = 0.1


class Client:
    """One person's connection. Not for use by two threads at once."""

    def __init__(self, address: str, token: str, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._connection = http.client.HTTPConnection(address, timeout=30)
        self._token = token
        self.retries = 0
        self.failures: Counter[int] = Counter()  # answers of 500 and above, by status

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, bytes]:
        """Status and body of the answer; a broken connection or a 5xx is tried again until patience ends."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        deadline = time.monotonic() + self.patience
        while True:
            trouble: object
            try:
                self._connection.request(method, f"/api/v1{path}", data, headers)
                response = self._connection.getresponse()
                content = response.read()
                if response.status < 500:
                    return response.status, content
                trouble = (response.status, content[:500])
                self.failures[response.status] += 1
            except (OSError, http.client.HTTPException) as error:
                trouble = repr(error)
                self._connection.close()
            assert time.monotonic() < deadline, f"{method} {path}: {trouble}"
            self.retries += 1
            time.sleep(PAUSE)

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """The answer's JSON; a refusal fails the test with what the server said."""
        status, content = self.send(method, path, body, kind)
        assert status < 400, f"{method} {path}: {status} {content[:500]!r}"
        return json.loads(content) if content else None


def make_project(lead: Client, modality: str, classes: Sequence[str], people: Mapping[str, str], **recipe: Any) -> int:
    """A classification project with these annotators; `recipe` changes the defaults."""
    wanted = {
        "name": f"A {modality} project",
        "modality": modality,
        "task": {"kind": "classification", "classes": [{"name": name} for name in classes]},
        "recipe": recipe,
    }
    project: int = lead.call("POST", "/projects", wanted)["id"]
    for email in people:
        lead.call("POST", f"/projects/{project}/members", {"email": email, "role": "annotator"})
    return project


def upload(lead: Client, project: int, rows: Sequence[Mapping[str, Any]]) -> int:
    """Send rows as JSON Lines, each with an `id`; returns how many were added."""
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    answer = lead.call("POST", f"/projects/{project}/items?external_id=id", body, "application/x-ndjson")
    assert answer["refused"] == []
    added: int = answer["added"]
    return added


def export(lead: Client, project: int) -> list[dict[str, Any]]:
    """Every line of the export: labelled items and the rest, with predictions."""
    path = f"/projects/{project}/export?format=jsonl&only=all&predictions=true"
    status, content = lead.send("GET", path)
    assert status == 200
    return [json.loads(line) for line in content.splitlines()]
