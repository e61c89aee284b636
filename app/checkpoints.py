"""Checkpoints: SQLite's log is written back into the database beside the people who work, not by one of them.

Left to SQLite, whoever commits when the log has grown to a thousand pages writes them all back, with everybody who
waits for a turn behind them: a tenth of a second now and then, more in a large database.
"""

import sqlite3
import threading
from contextlib import closing, suppress

PAUSE_SECONDS = 0.5
# A safety: where nobody writes back in time, whoever commits does.
MOST_PAGES = 10_000


class Checkpointer:
    """A thread that writes the log back a moment after something was committed."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def want(self) -> None:
        """Something was committed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="checkpoints", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        with closing(sqlite3.connect(self._file, timeout=1.0, check_same_thread=False)) as connection:
            while True:
                self._wanted.wait()
                if self._ended.wait(PAUSE_SECONDS):
                    return
                self._wanted.clear()
                with suppress(sqlite3.Error):  # a full disk, or another's checkpoint: the next commit asks again
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
