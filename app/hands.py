"""Hands: a few threads for the short work that an event loop waits for, each piece by itself, first come first served.

The thread that was idle last is taken first: few people keep few threads, and few connections, warm. One change of
threads there and one back is all that a piece costs.
"""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Piece:
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


_Inbox = SimpleQueue[_Piece | None]


class Hands:
    """At most so many threads; each is started when all others are busy for the first time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._idle: list[_Inbox] = []
        self._waiting: deque[_Piece] = deque()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises, done in a thread."""
        loop = asyncio.get_running_loop()
        piece = _Piece(work, loop, loop.create_future())
        self._give(piece)
        result: T = await piece.future
        return result

    def close(self) -> None:
        """Do what waits, and end the threads."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)
        for thread in self._threads:
            thread.join()

    def _give(self, piece: _Piece) -> None:
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the database is closed")
            if self._idle:
                self._idle.pop().put(piece)
            elif len(self._threads) < self._most:
                name = f"short-work-{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._serve, args=(piece,), name=name, daemon=True))
                self._threads[-1].start()
            else:
                self._waiting.append(piece)

    def _serve(self, first: _Piece) -> None:
        inbox: _Inbox = SimpleQueue()
        piece: _Piece | None = first
        while piece is not None:
            _do(piece)
            with self._lock:
                if self._waiting:
                    piece = self._waiting.popleft()
                    continue
                if self._is_closed:
                    return
                self._idle.append(inbox)
            piece = None  # what was done is forgotten before this thread waits
            piece = inbox.get()


def _do(piece: _Piece) -> None:
    result, error = None, None
    try:
        result = piece.context.run(piece.work)
    except BaseException as raised:  # whatever it is, it is for the one who waits for this piece
        error = raised
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        piece.loop.call_soon_threadsafe(_settle, piece.future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
