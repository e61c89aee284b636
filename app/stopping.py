"""Whether this process has been asked to stop, and since when: what runs long looks here between two steps."""

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

from app.settings import current

_asked = threading.Event()
_since = [0.0]


def ask() -> None:
    """Note that the process is to stop."""
    if not _asked.is_set():
        _since[0] = time.monotonic()
        _asked.set()


def is_asked() -> bool:
    """Whether it is to stop: begin nothing long, end what only waits."""
    return _asked.is_set()


def is_pressing() -> bool:
    """Whether half of the time to stop is over: hand back what another can go on with."""
    return _asked.is_set() and time.monotonic() - _since[0] > current().stop_seconds / 2


def forget() -> None:
    """As if nobody had asked (tests)."""
    _asked.clear()


def end_at_second(number: int = signal.SIGTERM) -> None:
    """Let the second such signal end the process at once; the first goes on to whoever handles it now."""
    before: Any = signal.getsignal(number)

    def handle(received: int, frame: FrameType | None) -> None:
        if is_asked():
            os._exit(1)
        ask()
        if callable(before):
            before(received, frame)

    signal.signal(number, handle)
