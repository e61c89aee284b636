"""`python -m tests.benchmarks.serving`: the load driver by hand, on a system of its own or on any server.

    python -m tests.benchmarks.serving --databases sqlite --sizes 1000 1000000 --people 8 32 --rounds
    python -m tests.benchmarks.serving --target label-studio --url http://127.0.0.1:8080 --project 3 --token T T T

With --url nothing is started: each token is a person, and the project must be there, with items enough.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import report
from tests.benchmarks.serving import plan, run
from tests.benchmarks.serving.peers import TARGETS


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.serving", description=__doc__)
    default = plan.Plan()
    parser.add_argument("--databases", nargs="+", default=default.databases, choices=["sqlite", "postgresql"])
    parser.add_argument("--sizes", nargs="+", type=int, default=default.sizes)
    parser.add_argument("--people", nargs="+", type=int, default=default.people)
    parser.add_argument("--web-processes", type=int, default=0, help="0: one on SQLite, two on PostgreSQL")
    parser.add_argument("--runs", type=int, default=default.runs)
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of each run")
    parser.add_argument("--rounds", action="store_true", help="items are uploaded and encoded, and a worker learns")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    parser.add_argument("--target", default="marginalia", choices=sorted(TARGETS))
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--project", default="1")
    parser.add_argument("--token", nargs="+", default=[])
    given = parser.parse_args()
    about = report.machine()
    if given.url:
        print(run.clients(given.target, given.url, given.project, given.token, given.seconds))
        return
    names = ("databases", "sizes", "people", "web_processes", "runs", "seconds", "rounds")
    wanted = plan.Plan(**{name: getattr(given, name) for name in names})
    with TemporaryDirectory(prefix="marginalia-bench-") as folder:
        body = run.table_of(Path(folder), wanted)
    print(f"{about}\n\n{body}")
    if given.write:
        report.write("serve", about, body)


if __name__ == "__main__":
    main()
