"""`python -m tests.benchmarks [NAME …]`: run benchmarks, print their tables, keep them in docs/benchmarks.md."""

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import report

NAMES = ("bulk", "calibration", "encode", "features", "intervals", "loop", "rounds", "serve")


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="small and short: to see that it runs; not kept")
    given = parser.parse_args()
    unknown = set(given.names) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    for name in given.names or NAMES:
        about = report.machine()
        print(f"{name}: {about}", flush=True)
        run: Callable[[Path, bool], str] = importlib.import_module(f"tests.benchmarks.{name}").run
        with TemporaryDirectory(prefix="marginalia-bench-") as folder:
            body = run(Path(folder), given.quick)
        print(body + "\n", flush=True)
        if not given.quick:
            report.write(name, about, body)


if __name__ == "__main__":
    main()
