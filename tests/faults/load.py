"""The load: people who answer, send twice, skip, take back and walk away, and what the server acknowledged to them."""

import random
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tests.loop.client import Client
from tests.loop.people import Acknowledged, Crowd

PATIENCE = 240.0


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
