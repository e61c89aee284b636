"""The runs: kept one a line as they end, so that a benchmark that was broken off goes on where it was.

What the repository keeps (`repository.py`) counts as if it were kept here.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tests.benchmarks.learning import contestants, plan, problems, repository, stamp
from tests.benchmarks.learning.data import sets, sources
from tests.benchmarks.learning.model import LEARNER, full_accuracy
from tests.benchmarks.learning.plan import Cell
from tests.benchmarks.learning.play import play

# What every run depends on, beside the contestant's own modules.
SHARED = (
    *("tests.benchmarks.learning.play", "tests.benchmarks.learning.asking", "tests.benchmarks.learning.problems"),
    f"app.core.learners.{LEARNER['name']}",
)


def folder() -> Path:
    """Where the runs are kept, a file a data set."""
    made = sources.cache() / "runs"
    made.mkdir(exist_ok=True)
    return made


def key(cell: Cell) -> str:
    """The cell's place and what its result depends on."""
    return f"{place(cell)}/{_stamp(cell.name, cell.data)}"


def place(cell: Cell) -> str:
    """The key without the digest of the code."""
    return f"{cell.data}/{cell.variant}/{cell.size}/{cell.name}/{cell.seed}"


def place_of(line: dict[str, Any]) -> str:
    """The key of a kept line without the digest."""
    return str(line["key"]).rsplit("/", 1)[0]


@lru_cache(maxsize=2048)
def _stamp(name: str, data: str) -> str:
    who = everyone()[name]
    shared = SHARED if who.group == "recipe" else tuple(one for one in SHARED if not one.endswith("asking"))
    version = contestants.versions().get(who.group, "")
    return stamp.of(
        (*shared, *who.sources),
        f"{version} {sets.stamp(data)} {plan.BUDGETS[data].labels} {plan.MOST}",
    )


@lru_cache(maxsize=1)
def everyone() -> dict[str, contestants.Contestant]:
    """The contestants, made once a process."""
    return contestants.everyone()


def kept(data: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Every run on these data sets that has ended, as {"key", "cell", "full", "full_f1", "run", "seconds"}, and of one
    taken over from earlier code "timed", the digest of the code that its seconds are of; newer ones last.
    """
    names = list(data)
    yield from repository.read(names)
    for name in names:
        path = folder() / f"{name}.jsonl"
        if path.exists():
            with path.open(encoding="utf-8") as file:
                yield from (json.loads(line) for line in file if line.endswith("\n"))


def digest(line: dict[str, Any]) -> str:
    """The digest of the code that a kept line's seconds are of."""
    return str(line.get("timed") or line["key"].rsplit("/", 1)[1])


def go(cells: list[Cell], processes: int, minutes: float = float("inf")) -> None:
    """Run what is not kept yet, and print when it may end; begin nothing more after so many minutes."""
    done = {one["key"] for one in kept({cell.data for cell in cells})}
    left = [cell for cell in cells if key(cell) not in done]
    print(f"{len(cells)} runs, {len(cells) - len(left)} of them kept from before", flush=True)
    deadline = time.time() + 60 * minutes
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_one_thread) as pool:
        _tell(pool.imap_unordered(partial(_run, deadline=deadline), left), len(left))


def _tell(failures: Iterable[str], count: int) -> None:
    began, told = time.monotonic(), 0.0
    for number, failure in enumerate(failures, 1):
        if failure:
            print(failure, flush=True)
        passed = time.monotonic() - began
        if passed - told > 20 or number == count:
            told = passed
            ends = passed / number * (count - number) / 60
            print(f"{number} of {count} runs, {passed / 60:.1f} min, about {ends:.1f} min to go", flush=True)


def _one_thread() -> None:
    """Each process has one thread: runs are compared by the processor time that they take."""
    import torch

    torch.set_num_threads(1)


@lru_cache(maxsize=4)
def _problem(data: str, variant: str, seed: int) -> tuple[problems.Problem, tuple[float, float]]:
    problem = problems.make(_data(data), variant, seed, plan.MOST)
    return problem, full_accuracy(problem)


@lru_cache(maxsize=3)
def _data(name: str) -> sets.DataSet:
    return sets.load(name)


def _run(cell: Cell, deadline: float) -> str:
    """Run and keep one cell; a failure is told and leaves the rest alone. Nothing after the deadline."""
    if time.time() > deadline:
        return ""
    try:
        line = made(cell)
    except Exception as error:
        return f"{cell}: {type(error).__name__}: {error}"
    handle = os.open(folder() / f"{cell.data}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:  # one write of a whole line: processes that append to one file do not mix their lines
        os.write(handle, (json.dumps(line) + "\n").encode())
    finally:
        os.close(handle)
    return ""


def made(cell: Cell) -> dict[str, Any]:
    """The cell run now, as it is kept."""
    began = time.process_time()
    problem, (full, full_f1) = _problem(cell.data, cell.variant, cell.seed)
    ask = everyone()[cell.name].ask(problem, cell.seed)
    run = play(problem, ask, cell.size, plan.BUDGETS[cell.data].labels, plan.SECONDS)
    line = {"key": key(cell), "cell": asdict(cell), "full": full, "full_f1": full_f1, "run": asdict(run)}
    return {**line, "seconds": round(time.process_time() - began, 3)}
