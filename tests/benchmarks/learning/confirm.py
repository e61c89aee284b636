"""Runs of earlier code taken over: a contestant that still chooses the very same items keeps the runs that it has.

A change of a module that a contestant imports need not change what it chooses. Rather than hours of computing, one
repetition on each of the small data sets says whether it did: the items asked, in order, and every accuracy must be
those that were kept, to the last digit.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.benchmarks.learning import plan, runs
from tests.benchmarks.learning.plan import Cell

SAME = ("labels", "accuracy", "macro_f1", "rows")


def confirm(names: Iterable[str], data: list[str]) -> None:
    """Give the runs of these contestants on these data sets the digest of the code as it is, where they stand."""
    newest = {runs.place_of(line): line for line in runs.kept(data)}
    stands = {name: _stands(name, newest) for name in names}
    for name, stood in stands.items():
        print(f"{name}: {stood}", flush=True)
    for one in data:
        if (path := runs.folder() / f"{one}.jsonl").exists():
            _take_over(path, {name for name, stood in stands.items() if stood == "the same"})


def _stands(name: str, newest: dict[str, dict[str, Any]]) -> str:
    compared = 0
    for one in plan.QUICK_DATA:
        cell = Cell(one, "plain", "small", name, 0)
        if old := newest.get(runs.place(cell)):
            compared += 1
            new = runs.made(cell)
            if any(old["run"][part] != new["run"][part] for part in SAME) or old["full"] != new["full"]:
                return f"chooses otherwise on {one}"
    return "the same" if compared else "nothing to compare with"


def _take_over(path: Path, names: set[str]) -> None:
    """The newest line of each place, with the digest of now where its contestant stands; older ones go."""
    kept: dict[str, dict[str, Any]] = defaultdict(dict)
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        kept[runs.place_of(line)] = line
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        for line in kept.values():
            cell = Cell(**line["cell"])
            if cell.name in names:
                line["key"] = runs.key(cell)
            file.write(json.dumps(line) + "\n")
    partial.rename(path)
