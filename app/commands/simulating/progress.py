"""How far a simulation is, on one line of a terminal."""

import sys
import time

AT_LEAST = 0.2  # seconds between two lines of progress


class Progress:
    """One line on a terminal that is written over; nothing where standard error is no terminal."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.done, self.before = total, done, done
        self.began = time.monotonic()
        self.last = 0.0

    def step(self) -> None:
        """One more round is played."""
        self.done += 1
        now = time.monotonic()
        if sys.stderr.isatty() and now - self.last >= AT_LEAST:
            self.last = now
            sys.stderr.write(f"\r\x1b[K{self.told(now)}")
            sys.stderr.flush()

    def told(self, now: float) -> str:
        """How far, and how much longer at the speed so far."""
        left = (now - self.began) * (self.total - self.done) / max(1, self.done - self.before)
        return f"{self.done:,} of {self.total:,} rounds, {duration(left)} left"

    def end(self) -> None:
        """Leave the terminal as it was."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
