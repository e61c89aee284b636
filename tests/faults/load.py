"""The load: people who answer, send twice, skip, take back and walk away, and what the server acknowledged to them.

Some of their browsers are hasty: they hang up before the answer can have come, and send the same again.
"""

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any
from uuid import uuid4

from tests.loop.client import Client
from tests.loop.people import Acknowledged, Crowd

PATIENCE = 240.0
HASTY = 0.1  # of what changes something


class Hasty(Client):
    """A client that now and then hangs up at once, and sends the same request again, with the same ids.

    So the server may meet both at the same moment, or the first one long after the second.
    """

    def __init__(self, address: str, token: str, patience: float, rng: random.Random) -> None:
        super().__init__(address, token, patience)
        self._address, self._rng = address, rng

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, bytes]:
        """Status and body of the answer to the last try."""
        while method != "GET" and self._rng.random() < HASTY:
            self._hang_up(method, path, body, kind)
        return super().send(method, path, body, kind)

    def _hang_up(self, method: str, path: str, body: Any, kind: str) -> None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        once = http.client.HTTPConnection(self._address, timeout=self._rng.choice((0.002, 0.02, 0.2)))
        with closing(once), suppress(OSError, http.client.HTTPException):
            once.request(method, f"/api/v1{path}", data, headers)
            once.getresponse().read()


class Erratic(Crowd):
    """A crowd that does not only answer. `undone` and `skipped` hold the ids of what stands no more, or says nothing.

    `walked_away` counts the items that somebody took and never answered.
    """

    def __init__(
        self, address: str, tokens: Mapping[str, str], project: int, truth: Mapping[str, str], seed: int
    ) -> None:
        super().__init__(address, tokens, project, truth, seed)
        self.patience = PATIENCE
        self.undone: set[str] = set()
        self.skipped: set[str] = set()
        self.walked_away = 0
        self.failures: Counter[int] = Counter()

    def client(self, token: str, rng: random.Random) -> Client:
        """A hasty one."""
        return Hasty(self.address, token, self.patience, random.Random(rng.random()))

    def note(self, client: Client) -> None:
        """Add up what a client has met."""
        super().note(client)
        self.failures += client.failures

    def _answer(self, client: Client, email: str, item: dict[str, Any], think: float, rng: random.Random) -> None:
        luck = rng.random()
        if luck < 0.02:
            time.sleep(think)
            with self._lock:
                self.walked_away += 1
            return
        if luck < 0.05:
            self._skip(client, item, think, rng)
            return
        super()._answer(client, email, item, think, rng)
        label = self.last_of[email]
        if luck < 0.15:  # the same once more, as a browser does that has not heard the answer
            body = {"id": label, "answer": self.acknowledged[label].answer, "seconds": 1}
            shown = client.call("POST", f"/items/{item['id']}/labels", body)
            assert shown["id"] == label
        if luck > 0.96:
            client.call("DELETE", f"/labels/{label}")
            with self._lock:
                self.undone.add(label)

    def _skip(self, client: Client, item: dict[str, Any], think: float, rng: random.Random) -> None:
        time.sleep(think * rng.uniform(0.5, 1.5))
        label = str(uuid4())
        shown = client.call("POST", f"/items/{item['id']}/skip", {"id": label, "reason": "unclear"})
        assert shown["id"] == label
        with self._lock:
            self.skipped.add(label)

    def standing(self) -> dict[str, Acknowledged]:
        """What must be exported: every answer that was acknowledged and not taken back."""
        return {name: one for name, one in self.acknowledged.items() if name not in self.undone}

    def stored(self) -> set[str]:
        """What must be in the table."""
        return set(self.acknowledged) | self.skipped
