"""The report: docs/benchmarks.md, a section for each benchmark, rewritten when that benchmark runs."""

import os
import platform
import re
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PATH = Path(__file__).parents[2] / "docs" / "benchmarks.md"
LIBRARIES = ("fastapi", "numpy", "orjson", "psycopg", "sqlalchemy", "torch", "uvicorn")
HEAD = """# Benchmarks

Measured by `make bench`, or one by one with `python -m tests.benchmarks NAME`; every section says on what. The clients
run on the same machine as the system and share its cores with it. A busy machine makes every number worse: the load
average when a benchmark began stands beside it.
"""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table, its columns padded so that it reads well in a terminal, too."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    padded = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]])


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, least and most of repeated runs; a single run is told as what it is."""
    shown = [f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))]
    return shown[0] if len(values) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so great a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine(names: Sequence[str] = LIBRARIES) -> str:
    """Cores, memory, load and versions; no name, no path."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB, "
        f"{platform.system()}, Python {platform.python_version()}, {libraries}; load average before: {load:.1f}."
    )


def write(name: str, about: str, body: str) -> None:
    """Put one benchmark's section into the report; the others stay as they are."""
    text = PATH.read_text(encoding="utf-8") if PATH.exists() else HEAD
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    sections[name] = f"\n`python -m tests.benchmarks {name}` on {about}\n\n{body.strip()}\n\n"
    parts = [HEAD, *(f"## {each}\n{sections[each]}" for each in sorted(sections))]
    PATH.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
