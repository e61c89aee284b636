"""A round over a small and over a large pool: seconds of each step, and memory beside the mapped features."""

from pathlib import Path

from tests.benchmarks.bulk import child
from tests.benchmarks.report import spread, table


def run(folder: Path, quick: bool) -> str:
    """The table."""
    about = (
        "A round over items of 384 dimensions with 500 labels and four classes: the default recipe, from due to "
        "published, in a worker; a project's first rounds. Memory: the process's own, without the mapped file."
    )
    sizes, threads = ((2_000, 4_000), 1) if quick else ((10_000, 1_000_000), 2)
    rows = []
    for n in sizes:
        found = child(folder, "sqlite", "round", n, "--threads", threads)
        steps = ("read", "fit", "choose", "total")
        rows.append(
            [
                f"{n:,}",
                str(threads),
                *(spread([one.get(f"step {step}", 0.0) for one in found], 2) for step in steps),
                spread([one["round"] for one in found], 2),
                spread([one["round cpu"] for one in found], 2),
                spread([one["round memory"] for one in found]),
            ]
        )
    head = ["items", "threads", "read s", "fit and score s", "choose s", "to the file s", "published s", "CPU s"]
    return about + "\n\n" + table([*head, "memory MB"], rows)
