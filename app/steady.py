"""Beat's schedule, by the steady clock: one that is set back must not silence the sweep until it has caught up."""

import time
from datetime import datetime, timedelta
from typing import Any

from celery.schedules import schedstate, schedule


class Every(schedule):  # type: ignore[misc]  # Celery ships no types
    """Due every so many seconds of the monotonic clock, whatever the time of day says."""

    def __init__(self, seconds: float) -> None:
        super().__init__(run_every=timedelta(seconds=seconds))
        self.interval = seconds
        self.due_at = 0.0

    def is_due(self, last_run_at: datetime) -> Any:  # noqa: ARG002  # Celery's signature
        """(whether it is due, seconds until one should ask again)."""
        now = time.monotonic()
        if now < self.due_at:
            return schedstate(is_due=False, next=self.due_at - now)
        self.due_at = now + self.interval
        return schedstate(is_due=True, next=self.interval)

    def __reduce__(self) -> Any:
        return type(self), (self.interval,)
