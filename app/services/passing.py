"""Whether time has passed, by clocks that are set back and forth."""

from datetime import datetime, timedelta


def has_passed(since: datetime, wait: timedelta, now: datetime) -> bool:
    """Whether a time has passed since a moment; a moment in the future is of another clock, and long ago."""
    return not timedelta(0) <= now - since < wait
