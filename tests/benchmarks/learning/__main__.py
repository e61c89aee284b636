"""`python -m tests.benchmarks.learning`: run what is missing, measure the speed, write docs/benchmarks/learning.md."""

import argparse
import os
from pathlib import Path

# Before numpy and torch are imported, here and in the processes to come: one thread each, so that seconds compare.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

from tests.benchmarks.learning import confirm, plan, report, repository, results, runs, speed
from tests.benchmarks.learning.data import sets, sources


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.learning", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small data sets, three seeds; the report goes to the cache"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no more runs after so many")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="runs at once")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these contestants alone")
    parser.add_argument("--report", action="store_true", help="write the report from the runs there are, of any code")
    parser.add_argument(
        "--confirm", action="store_true", help="take over runs of older code that still chooses the same"
    )
    parser.add_argument("--out", type=Path, help="the report's file, instead of docs/benchmarks/learning.md")
    given = parser.parse_args()
    groups = {name: one.group for name, one in runs.everyone().items()}
    names = tuple(given.only or groups)
    data = [] if given.report else _available(plan.QUICK_DATA if given.quick else tuple(plan.BUDGETS))
    cells = plan.cells(names, given.quick)
    if given.confirm:
        confirm.confirm(names, data)
    if not given.report:
        runs.go([cell for cell in cells if cell.data in data], given.processes, given.minutes)
    speeds = speed.measure([name for name in names if groups[name] != "recipe"], given.quick, given.report)
    found, older = results.load(cells, given.report)
    out = given.out or (sources.cache() / "learning.md" if given.quick else report.PATH)
    if out == report.PATH:
        repository.write(runs.kept(plan.BUDGETS))
        speed.keep(speeds)
    report.write(found, {name: groups[name] for name in names}, speeds, older, out)
    print(f"Written: {out.name}")


def _available(names: tuple[str, ...]) -> list[str]:
    """The data sets that are at hand, encoded where they were not; the others are told."""
    found = []
    for name in names:
        try:
            sets.load(name)
            found.append(name)
        except sources.Missing as missing:
            print(f"Without {name}: {missing}", flush=True)
    return found


if __name__ == "__main__":
    main()
