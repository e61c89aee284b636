"""A finding: one invariant that does not hold, said so that an operator knows what it means."""

from dataclasses import dataclass
from typing import Any

EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """An invariant that does not hold: its name, how often, what that means, and the first few ids.

    `project_id` is None for what belongs to no project. `mendable`: `--mend` can put it right; `mended`: it has.
    """

    invariant: str
    what: str
    means: str
    count: int
    examples: tuple[Any, ...] = ()
    project_id: int | None = None
    mendable: bool = False
    mended: bool = False

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "invariant": self.invariant,
            "project": self.project_id,
            "count": self.count,
            "what": self.what,
            "means": self.means,
            "examples": list(self.examples),
            "mendable": self.mendable,
            "mended": self.mended,
        }


def finding(invariant: str, found: list[Any], what: str, means: str) -> Finding | None:
    """A finding of these ids; None where there are none."""
    if not found:
        return None
    return Finding(invariant, what, means, len(found), tuple(found[:EXAMPLES]))
