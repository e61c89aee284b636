"""Runs of earlier code taken over: a contestant that still chooses the very same items keeps the runs that it has.

A change of a module that a contestant imports need not change what it chooses. Rather than hours of computing, one
repetition on each of the small data sets says whether it did, and on every data set of what the headline is about: the
items asked, in order, and every accuracy must be those that were kept, to the last digit. What was repeated replaces
what was kept, so that there are seconds of the code as it is.
"""

import json
from collections.abc import Iterable
from typing import Any

from tests.benchmarks.learning import goals, plan, runs
from tests.benchmarks.learning.plan import Cell

SAME = ("labels", "accuracy", "macro_f1", "rows")


def confirm(names: Iterable[str], data: list[str]) -> None:
    """Give the runs of these contestants on these data sets the digest of the code as it is, where they stand."""
    newest = {runs.place_of(line): line for line in runs.kept(data)}
    stands: dict[str, str] = {}
    for name in sorted(names):
        stands[name] = _stands(name, newest, data)
        print(f"{name}: {stands[name]}", flush=True)
    same = {name for name, stood in stands.items() if stood == "the same"}
    for one in data:
        _take_over([line for line in newest.values() if line["cell"]["data"] == one], one, same)


def _stands(name: str, newest: dict[str, dict[str, Any]], data: list[str]) -> str:
    """Whether it chooses the same; what was run for that takes the place of what was kept."""
    compared = 0
    for one in data if name in (goals.DEFAULT, goals.ASKS_BY) else plan.QUICK_DATA:
        cell = Cell(one, "plain", "small", name, 0)
        if old := newest.get(runs.place(cell)):
            compared += 1
            new = runs.made(cell)
            if not _is_same(old, new):
                return f"chooses otherwise on {one}"
            newest[runs.place(cell)] = new
    return "the same" if compared else "nothing to compare with"


def _is_same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return all(old["run"][part] == new["run"][part] for part in SAME) and bool(old["full"] == new["full"])


def _take_over(lines: list[dict[str, Any]], data: str, names: set[str]) -> None:
    """The newest line of each place, with the digest of now where its contestant stands; older ones go."""
    if not lines:
        return
    path = runs.folder() / f"{data}.jsonl"
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        for line in lines:
            cell = Cell(**line["cell"])
            if cell.name in names and line["key"] != runs.key(cell):
                line = {**line, "key": runs.key(cell), "timed": runs.digest(line)}
            file.write(json.dumps(line) + "\n")
    partial.rename(path)
