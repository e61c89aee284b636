"""How many people the server serves: answers a second, and how long the next item takes, by people and pool."""

from pathlib import Path

from tests.benchmarks.serving.plan import Plan
from tests.benchmarks.serving.run import table_of


def run(folder: Path, quick: bool) -> str:
    """The table: pools by people, on each database that answers; median and spread of three runs."""
    small = Plan(databases=("sqlite",), sizes=(1000,), people=(8,), runs=1)
    return table_of(folder, small if quick else Plan())
