"""A round over a small and over a large pool: seconds of each step, and memory beside the mapped features."""

from pathlib import Path

from tests.benchmarks.bulk import child
from tests.benchmarks.report import spread, table


def run(folder: Path, quick: bool) -> str:
    """The table."""
    about = (
        "A round over items of 384 dimensions: the default recipe, from due to published, in a worker, with features "
        "that are there; a project's first rounds. Asked for: under 0.5 s at 10,000 items with 1,000 labels and 77 "
        "classes, under 5 s at a million. Memory: the process's own, without the mapped file."
    )
    sizes, threads = ((2_000, 500, 4), (4_000, 500, 4)), 1
    if not quick:
        sizes, threads = ((10_000, 500, 4), (10_000, 1_000, 77), (1_000_000, 500, 4), (1_000_000, 1_000, 77)), 2
    rows = []
    for n, labels, classes in sizes:
        words = ("--threads", threads, "--labels", labels, "--classes", classes)
        found = child(folder, "sqlite", "round", n, *words)
        steps = ("read", "fit", "choose", "total")
        rows.append(
            [
                f"{n:,}",
                f"{labels:,}",
                str(classes),
                str(threads),
                *(spread([one.get(f"step {step}", 0.0) for one in found], 2) for step in steps),
                spread([one["round"] for one in found], 2),
                spread([one["round cpu"] for one in found], 2),
                spread([one["round memory"] for one in found]),
            ]
        )
    head = ["items", "labels", "classes", "threads", "read s", "fit and score s", "choose s", "to the file s"]
    return about + "\n\n" + table([*head, "published s", "CPU s", "memory MB"], rows)
