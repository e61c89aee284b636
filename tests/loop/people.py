"""Annotators: each a thread with an account and a connection of their own, who answers what is true."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.loop.client import PATIENCE, Client

STALLED = 30.0  # seconds without an item for anybody, though not all are answered


@dataclass(frozen=True)
class Acknowledged:
    """What the server has promised to keep."""

    item_id: int
    annotator: str
    answer: dict[str, Any]


class Crowd:
    """The people of one project. `acknowledged` holds, by the label's id, every answer the server took."""

    def __init__(
        self, address: str, tokens: Mapping[str, str], project: int, truth: Mapping[str, str], seed: int = 0
    ) -> None:
        self.address, self.tokens, self.project, self.truth = address, tokens, project, truth
        self.seed = seed
        self.patience = PATIENCE
        self.last_of: dict[str, str] = {}  # the latest label of each person
        self.acknowledged: dict[str, Acknowledged] = {}
        self.next_seconds: list[float] = []
        self.retries = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._times_at_work = 0

    @contextmanager
    def at_work(self, think: float) -> Iterator[None]:
        """Everybody answers, thinking so many seconds on average, until the block ends; nobody keeps an item."""
        self._stopped.clear()
        self._times_at_work += 1
        self._threads = [
            threading.Thread(target=self._guarded, args=(email, token, think, number))
            for number, (email, token) in enumerate(self.tokens.items())
        ]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in self._threads:
                thread.join()
        self.raise_failure()

    def drain(self) -> None:
        """Answer until everybody is told that every item has all its answers."""
        with self.at_work(0.0):
            for thread in self._threads:
                thread.join()

    def wait_for(self, answers: int, patience: float = 60.0) -> None:
        """Wait until so many answers are acknowledged; call it inside `at_work`."""
        deadline = time.monotonic() + patience
        while len(self.acknowledged) < answers:
            self.raise_failure()
            told = f"{len(self.acknowledged)} of {answers} answers"
            assert any(thread.is_alive() for thread in self._threads), f"no item is left: {told}"
            assert time.monotonic() < deadline, told
            time.sleep(0.05)

    def raise_failure(self) -> None:
        """What went wrong in a thread goes wrong in the test."""
        if self._failures:
            raise self._failures[0]

    def note(self, client: Client) -> None:
        """Add up what a client has met."""
        self.retries += client.retries

    def client(self, token: str, rng: random.Random) -> Client:
        """A connection for one person."""
        return Client(self.address, token, self.patience)

    def _guarded(self, email: str, token: str, think: float, number: int) -> None:
        rng = random.Random(f"{self.seed} {self._times_at_work} {number}")
        try:
            with self.client(token, rng) as client:
                try:
                    self._answer_on(client, email, think, rng)
                finally:
                    with self._lock:
                        self.note(client)
        except BaseException as error:
            self._failures.append(error)

    def _answer_on(self, client: Client, email: str, think: float, rng: random.Random) -> None:
        last_item = time.monotonic()
        while not self._stopped.is_set():
            began = time.monotonic()
            found = client.call("GET", f"/projects/{self.project}/next?n=1")
            with self._lock:
                self.next_seconds.append(time.monotonic() - began)
            if found["empty_reason"] == "all_answered":
                return
            if not found["items"]:  # the last ones are in others' hands; ask again, as the page does
                stalled = time.monotonic() - last_item
                assert stalled < max(STALLED, self.patience / 2), f"{email} gets no item: {found['empty_reason']}"
                time.sleep(0.1)
                continue
            self._answer(client, email, found["items"][0]["item"], think, rng)
            last_item = time.monotonic()

    def _answer(self, client: Client, email: str, item: dict[str, Any], think: float, rng: random.Random) -> None:
        seconds = think * rng.uniform(0.5, 1.5)
        time.sleep(seconds)
        label = str(uuid4())  # as a browser makes it: no two of any project alike
        answer = {"class": self.truth[item["external_id"]]}
        body = {"id": label, "answer": answer, "seconds": seconds}
        shown = client.call("POST", f"/items/{item['id']}/labels", body)
        assert (shown["id"], shown["item_id"], shown["answer"]) == (label, item["id"], answer)
        with self._lock:
            assert label not in self.acknowledged
            self.acknowledged[label] = Acknowledged(item["id"], email, answer)
            self.last_of[email] = label
