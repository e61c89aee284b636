"""The people: a process of their own with a connection a person, so that the server's process is not slowed by them.

    python -m tests.benchmarks.serving.clients < job.json

The job: {"target", "url", "project", "tokens", "seconds", "warm_seconds"}; the result is one JSON line. A person asks
for the next item, answers it, and asks again. What happens in the first `warm_seconds` is not counted.
"""

import asyncio
import json
import sys
import time
from typing import Any, cast

import httptools

from tests.benchmarks.report import quantile
from tests.benchmarks.serving.peers import TARGETS
from tests.benchmarks.serving.target import Target

EMPTY_PAUSE = 0.05


class Tally:
    """What all people together have seen since counting began."""

    def __init__(self) -> None:
        self.next_seconds: list[float] = []
        self.submit_seconds: list[float] = []
        self.given: dict[str, int] = {}
        self.empty = 0

    def result(self, seconds: float) -> dict[str, Any]:
        """Rates, and milliseconds in the middle, at 95 and 99 of 100, and at worst."""
        found: dict[str, Any] = {"answers": len(self.submit_seconds), "seconds": seconds, "empty": self.empty}
        found["answers_per_second"] = len(self.submit_seconds) / seconds
        found["given_twice"] = sum(times > 1 for times in self.given.values())
        for name, values in (("next", self.next_seconds), ("submit", self.submit_seconds)):
            waits = [1000 * each for each in values] or [0.0]
            found[name] = {"p50": quantile(waits, 0.5), "p95": quantile(waits, 0.95), "p99": quantile(waits, 0.99)}
            found[name]["most"] = max(waits)
        return found


class Person(asyncio.Protocol):
    """One connection in a closed loop."""

    def __init__(self, target: Target, token: str, job: "Job") -> None:
        self.target, self.token, self.job = target, token, job
        self.item: Any = None
        self.to_send: list[bytes] = []
        self.taken = 0.0
        self.asked = target.next(token)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._send(self.asked)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.job.lost(exc)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        taken, status = time.perf_counter() - self.began, self.parser.get_status_code()
        try:
            self._go_on(taken, status)
        except Exception as error:
            self.job.lost(error)

    def _go_on(self, taken: float, status: int) -> None:
        tally = self.job.tally
        if self.item is None:
            self.item = self.target.read_next(status, self.body)
            tally.next_seconds.append(taken)
            if self.item is None:
                tally.empty += 1
                asyncio.get_running_loop().call_later(EMPTY_PAUSE, self._send, self.asked)
                return
            name = self.target.name(self.item)
            self.job.given[name] = tally.given[name] = self.job.given.get(name, 0) + 1
            self.to_send, self.taken = self.target.submit(self.token, self.item), 0.0
            self._send(self.to_send.pop(0))
            return
        self.target.is_taken(status, self.body)
        self.taken += taken
        if self.to_send:
            self._send(self.to_send.pop(0))
            return
        tally.submit_seconds.append(self.taken)
        self.item = None
        self._send(self.asked)

    def _send(self, request: bytes) -> None:
        if self.job.is_over and self.item is None:
            self.job.is_done(self)
            return
        self.parser, self.body = httptools.HttpResponseParser(self), b""
        self.began = time.perf_counter()
        self.transport.write(request)


class Job:
    """One run of all people, from its description to its result."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.target = TARGETS[told["target"]](told["url"], str(told["project"]))
        self.tally, self.given = Tally(), dict[str, int]()
        self.is_over = False
        self._finished: set[Person] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> dict[str, Any]:
        """Everybody connects and works; raises what the first of them met."""
        loop = asyncio.get_running_loop()
        people = [Person(self.target, token, self) for token in self.told["tokens"]]
        for person in people:
            await loop.create_connection(lambda person=person: person, self.target.host, self.target.port)  # type: ignore[misc]
        await self._wait(self.told.get("warm_seconds", 1.0))
        self.tally, began = Tally(), time.perf_counter()
        await self._wait(self.told["seconds"])
        found = self.tally.result(time.perf_counter() - began)
        self.is_over = True  # whoever holds an item answers it, so that the next run begins with none in hand
        deadline = time.perf_counter() + 30
        while len(self._finished) < len(people) and time.perf_counter() < deadline:
            await self._wait(0.02)
        return found

    async def _wait(self, seconds: float) -> None:
        done, _ = await asyncio.wait([self._failure], timeout=seconds)
        for each in done:
            each.result()

    def lost(self, error: Exception | None) -> None:
        """A person's connection or patience has ended."""
        if not self.is_over and not self._failure.done():
            self._failure.set_exception(error or ConnectionError("the server closed a connection"))

    def is_done(self, person: Person) -> None:
        """This person has put down their work."""
        self._finished.add(person)
        person.transport.close()


async def _main() -> None:
    result = await Job(json.loads(sys.stdin.read())).run()
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())
