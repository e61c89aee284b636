"""Turns: who may write to an SQLite database now, among the threads of this process and all processes of this host.

SQLite takes one writer at a time. Its own busy handler sleeps and wakes in no order, so that with several writers the
unlucky ones wait for seconds; in front of it each gets its turn, and waits without sleeping.
"""

import fcntl
import os
import threading
from collections import deque
from pathlib import Path


class FairLock:
    """A lock that serves its waiters in the order in which they came."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._mutex:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()  # the holder before us opens it, and hands over the lock with it

    def __exit__(self, *_: object) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class HostLock:
    """A FairLock between this process's threads, and behind it a lock on a file between processes.

    The kernel gives the file's lock back however a process ends. SQLite's own locks still guard the database: this one
    only spares the waiting.
    """

    def __init__(self, path: Path) -> None:
        self._threads = FairLock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        self._threads.__enter__()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._threads.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._threads.__exit__()

    def close(self) -> None:
        """Close the file; nobody may hold or want the lock."""
        os.close(self._file)
