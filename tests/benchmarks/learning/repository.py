"""The runs in the repository: one compact file beside the report, from which every table of it can be computed again.

Whatever machine made a run, it counts: seeds add up. Only its seconds are that machine's, and are compared with care.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.loop.data import ROOT

PATH = ROOT / "docs" / "benchmarks" / "learning" / "runs.parquet"
# As whole numbers they are exact and small: accuracies have five digits, seconds of choosing six.
PLACES = {"accuracy": 100_000, "macro_f1": 100_000, "query": 1_000_000}
SCHEMA = pa.schema(
    [("key", pa.string()), ("data", pa.string()), ("variant", pa.string()), ("batch", pa.string())]
    + [("name", pa.string()), ("seed", pa.int32()), ("full", pa.float64()), ("full_f1", pa.float64())]
    + [(of, pa.list_(pa.int32())) for of in ("labels", *PLACES)]
    + [("fit", pa.float64()), ("rows", pa.string()), ("stopped", pa.bool_()), ("seconds", pa.float64())]
    + [("timed", pa.string())]
)


def read(data: Iterable[str], path: Path = PATH) -> Iterator[dict[str, Any]]:
    """The runs on these data sets, as the cache keeps them; none where there is no file."""
    wanted = sorted(data)
    if path.exists() and wanted:
        for row in pq.read_table(path, filters=[("data", "in", wanted)]).to_pylist():
            yield _line(row)


def write(lines: Iterable[dict[str, Any]], path: Path = PATH) -> None:
    """The newest of each place, in an order that depends on nothing else: the same runs, the same bytes."""
    newest = {json.dumps(line["cell"], sort_keys=True): line for line in lines}
    rows = sorted((_row(line) for line in newest.values()), key=_place)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(
        pa.Table.from_pylist(rows, SCHEMA), partial, compression="zstd", compression_level=19, row_group_size=1 << 20
    )
    partial.rename(path)


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[of] for of in ("data", "variant", "batch", "name", "seed"))


def _row(line: dict[str, Any]) -> dict[str, Any]:
    run = line["run"]
    whole = {of: [round(places * value) for value in run[of]] for of, places in PLACES.items()}
    return {**line, **line["cell"], **run, **whole, "timed": line.get("timed", "")}


def _line(row: dict[str, Any]) -> dict[str, Any]:
    run = {of: row[of] for of in ("labels", "fit", "rows", "stopped")}
    run |= {of: [value / places for value in row[of]] for of, places in PLACES.items()}
    cell = {of: row[of] for of in ("data", "variant", "batch", "name", "seed")}
    told = {of: row[of] for of in ("key", "full", "full_f1", "seconds")}
    return {**told, "cell": cell, "run": run, **({"timed": row["timed"]} if row["timed"] else {})}
