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
# scikit-activeml hands its seed to everything in these but to k-means, which draws anew in every process; the runs made
# before it was given a seed here are as good as others, and none can be had again. They stand while the rest of the
# library does, on the same problem: the same split, model and first batch.
DREW_UNSEEDED = ("skactiveml Clue", "skactiveml Clue margin", "skactiveml DropQuery")


def confirm(names: Iterable[str], data: list[str]) -> None:
    """Give the runs of these contestants on these data sets the digest of the code as it is, where they stand."""
    newest = {runs.place_of(line): line for line in runs.kept(data)}
    stands: dict[str, str] = {}
    for name in sorted(names, key=lambda one: one in DREW_UNSEEDED):
        stands[name] = _stands(name, newest, data)
        if name in DREW_UNSEEDED and any("otherwise" in stands.get(one, "") for one in _library(name)):
            stands[name] = "of a library that chooses otherwise"
        print(f"{name}: {stands[name]}", flush=True)
    same = {name for name, stood in stands.items() if stood == "the same"}
    for one in data:
        _take_over([line for line in newest.values() if line["cell"]["data"] == one], one, same)


def _library(name: str) -> list[str]:
    group = runs.everyone()[name].group
    return [one for one, contestant in runs.everyone().items() if contestant.group == group]


def _stands(name: str, newest: dict[str, dict[str, Any]], data: list[str]) -> str:
    """Whether it chooses the same; what was run for that takes the place of what was kept."""
    compared = 0
    for one in data if name in (goals.DEFAULT, goals.ASKS_BY) else plan.QUICK_DATA:
        cell = Cell(one, "plain", "small", name, 0)
        if old := newest.get(runs.place(cell)):
            compared += 1
            new = runs.made(cell)
            if not _is_same(old, new, first=name in DREW_UNSEEDED):
                return f"chooses otherwise on {one}"
            newest[runs.place(cell)] = {**old, "key": new["key"], "timed": ""} if name in DREW_UNSEEDED else new
    return "the same" if compared else "nothing to compare with"


def _is_same(old: dict[str, Any], new: dict[str, Any], first: bool) -> bool:
    if first:
        return bool(old["full"] == new["full"] and old["run"]["accuracy"][0] == new["run"]["accuracy"][0])
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
