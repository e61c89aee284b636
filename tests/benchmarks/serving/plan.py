"""What a serving benchmark measures: which databases, how many items and people, for how long."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_A_SECOND = 700  # answers that no run exceeds: a small pool must last for the whole of its run


@dataclass(frozen=True)
class Plan:
    """Sizes by people on each database; the median of so many runs of so many seconds each."""

    databases: Sequence[str] = ("sqlite", "postgresql")
    sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    people: Sequence[int] = (1, 8, 32, 200)
    web_processes: int = 0
    runs: int = 3
    seconds: float = 5.0
    rounds: bool = False

    def processes(self, database: str) -> int:
        """Web processes: one on SQLite, which has one writer; two on PostgreSQL."""
        return self.web_processes or (1 if database == "sqlite" else 2)

    def seconds_for(self, items: int) -> float:
        """How long a run may last, so that four fifths of the items are enough, warming up included."""
        return min(self.seconds, 0.8 * items / MOST_A_SECOND - self.warm_seconds(items))

    def warm_seconds(self, items: int) -> float:
        """How long nothing is counted at first."""
        return min(1.0, 0.2 * items / MOST_A_SECOND)
