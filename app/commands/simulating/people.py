"""Simulated annotators: each a thread with an account and a connection of their own, who answers what is true."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from uuid import uuid4

from app.commands.simulating.client import Client

OUT_OF_SCOPE = "out of scope"
PAUSE = 0.1
STALLED = 60.0  # seconds without an item for anybody, though the budget is not spent


class Crowd:
    """The people of one project, who answer until the budget is spent or every item has its answer."""

    def __init__(
        self,
        address: str,
        tokens: Sequence[str],
        project: int,
        truth: Mapping[str, dict[str, Any] | None],
        labels: int,
        think: float,
        seed: int,
    ) -> None:
        self.address, self.project, self.truth, self.think = address, project, truth, think
        self.left, self.given = labels, 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._failures: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(token, f"{seed} {number}"), daemon=True)
            for number, token in enumerate(tokens)
        ]

    def work(self, watch: Callable[[], None]) -> None:
        """Let everybody work; `watch` is called meanwhile, again and again. Raises what went wrong for any of them."""
        for thread in self._threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in self._threads):
                watch()
                time.sleep(PAUSE)
        finally:
            self._stopped.set()
            for thread in self._threads:
                thread.join()
        if self._failures:
            raise self._failures[0]

    def _guarded(self, token: str, seed: str) -> None:
        rng = Random(seed)  # noqa: S311  # how long somebody thinks is no secret
        try:
            with Client(self.address, token) as client:
                self._answer_on(client, rng)
        except Exception as error:
            self._failures.append(error)
            self._stopped.set()

    def _answer_on(self, client: Client, rng: Random) -> None:
        last = time.monotonic()
        while not self._stopped.is_set() and self._take():
            found = client.call("GET", f"/projects/{self.project}/next?n=1")
            if found["items"]:
                self._answer(client, found["items"][0]["item"], rng)
                last = time.monotonic()
                continue
            with self._lock:
                self.left += 1
            if found["empty_reason"] == "all_answered" or time.monotonic() - last > STALLED:
                return
            self._stopped.wait(PAUSE)  # the last ones are in others' hands

    def _take(self) -> bool:
        """One of the labels that are still to be spent, if there is one."""
        with self._lock:
            self.left -= 1
            return self.left >= 0

    def _answer(self, client: Client, item: dict[str, Any], rng: Random) -> None:
        seconds = self.think * rng.uniform(0.5, 1.5)
        self._stopped.wait(seconds)
        answer, label = self.truth[item["external_id"]], str(uuid4())
        if answer is None:
            client.call("POST", f"/items/{item['id']}/skip", {"reason": OUT_OF_SCOPE, "id": label})
        else:
            client.call("POST", f"/items/{item['id']}/labels", {"id": label, "answer": answer, "seconds": seconds})
        with self._lock:
            self.given += 1
