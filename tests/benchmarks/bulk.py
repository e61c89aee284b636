"""A file in and out: rows a second, and memory that does not grow with the file."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from tests.benchmarks.report import spread, table
from tests.loop.system import POSTGRES, ROOT, missing

RUNS = 1


def run(folder: Path, quick: bool) -> str:
    """The tables: import, export."""
    sizes = (2_000, 4_000) if quick else (100_000, 1_000_000)
    kinds = [kind for kind in ("sqlite", "postgresql") if not missing(kind)]
    runs = 1 if quick else RUNS
    labelled = {kind: [child(folder, kind, "file", sizes[0], "--labelled") for _ in range(runs)] for kind in kinds}
    return "\n\n".join(
        [
            "Short texts with external ids, from a CSV to items in the database: copied into the store, checked, "
            "added. Memory: what the process needs beyond what it had before, the most of all steps.",
            _came_in(folder, kinds, sizes, labelled, runs),
            f"{sizes[0]:,} labels, each with its item, to a whole file, from one snapshot.",
            _went_out(sizes[0], labelled),
        ]
    )


def child(folder: Path, kind: str, *words: Any) -> Any:
    """What one measurement says, in a place of its own."""
    place, name = folder / uuid4().hex, f"marginalia_bench_{uuid4().hex[:8]}"
    ours = ("MARGINALIA_", "DATABASE_URL", "REDIS_URL")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environment |= {"MARGINALIA_DATA_DIR": str(place), "PYTHONPATH": str(ROOT)}
    if kind == "postgresql":
        _run(f"CREATE DATABASE {name}")
        environment["DATABASE_URL"] = POSTGRES.rsplit("/", 1)[0] + f"/{name}"
    try:
        command = [sys.executable, "-m", "tests.benchmarks.bulk_child", *map(str, words)]
        done = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
        print(kind, *words, done.stdout.splitlines()[-1], flush=True)
        return json.loads(done.stdout.splitlines()[-1])
    finally:
        subprocess.run(["rm", "-rf", str(place)], check=False)
        if kind == "postgresql":
            _run(f"DROP DATABASE {name} WITH (FORCE)")


def _run(statement: str) -> None:
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(statement)


def _came_in(folder: Path, kinds: Sequence[str], sizes: Sequence[int], labelled: dict[str, Any], runs: int) -> str:
    rows = []
    for kind in kinds:
        for n in sizes:
            found = [child(folder, kind, "file", n) for _ in range(runs if n == sizes[0] else 1)]
            rows.append(_in_row(kind, n, "no", found))
        rows.append(_in_row(kind, sizes[0], "yes", labelled[kind]))
    head = ["database", "rows", "labelled", "check, rows a second", "add, rows a second", "all, rows a second"]
    return table([*head, "check, rows a CPU second", "add, rows a CPU second", "memory MB"], rows)


def _in_row(kind: str, n: int, has_labels: str, found: Sequence[dict[str, float]]) -> list[str]:
    whole = [n / (one["copy"] + one["check"] + one["add"]) for one in found]
    steps = [[n / one[step] for one in found] for step in ("check", "add")]
    busy = [[n / one[f"{step} cpu"] for one in found] for step in ("check", "add")]
    grown = [max(one[f"{step} memory"] - one["copy memory before"] for step in ("check", "add")) for one in found]
    told = [spread(values) for values in (*steps, whole, *busy, grown)]
    return [kind, f"{n:,}", has_labels, *told]


def _went_out(n: int, labelled: dict[str, Any]) -> str:
    names = [name for name in ("jsonl", "json", "csv", "tsv", "parquet") if name in next(iter(labelled.values()))[0]]
    rows = [
        [
            kind,
            name,
            spread([n / one[name] for one in found]),
            spread([n / one[f"{name} cpu"] for one in found]),
            spread([one[f"{name} memory"] - one[f"{name} memory before"] for one in found]),
        ]
        for kind, found in labelled.items()
        for name in names
    ]
    return table(["database", "format", "labels a second", "labels a CPU second", "memory MB"], rows)
