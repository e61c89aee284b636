"""The file of runs: what was kept comes back to the last digit, and the same runs make the same bytes."""

from typing import Any

import numpy as np
import pytest

repository: Any = pytest.importorskip(
    "tests.benchmarks.learning.repository", reason="needs pyarrow", exc_type=ImportError
)


def line(seed: int, name: str = "auto", key: str = "0a1b", **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    accuracy, f1 = ([round(float(one), 5) for one in rng.random(40)] for _ in range(2))
    run = {"labels": list(range(3, 123, 3)), "accuracy": accuracy, "macro_f1": f1}
    run |= {"query": [0.0, *(round(float(one), 6) for one in 60 * rng.random(39))], "fit": float(rng.random())}
    run |= {"rows": "99decfd1e5648489", "stopped": seed % 2 == 1}
    cell = {"data": "wine", "variant": "plain", "batch": "small", "name": name, "seed": seed}
    key = f"wine/plain/3/{name}/{seed}/{key}"
    return {"key": key, "cell": cell, "full": 1 / 3, "full_f1": 0.7, "run": run, "seconds": 0.214, **more}


def test_a_run_comes_back_to_the_last_digit(tmp_path):
    lines = [line(0), line(1, timed="ffff")]
    repository.write(lines, tmp_path / "runs.parquet")
    assert list(repository.read(["wine"], tmp_path / "runs.parquet")) == lines
    assert not list(repository.read(["digits"], tmp_path / "runs.parquet"))
    assert not list(repository.read(["wine"], tmp_path / "none.parquet"))


def test_the_same_runs_make_the_same_bytes_in_whatever_order_they_ended(tmp_path):
    lines = [line(seed, name) for seed in range(3) for name in ("auto", "random")]
    repository.write(lines, tmp_path / "one")
    repository.write(lines[::-1], tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_of_a_place_the_newest_run_is_kept(tmp_path):
    repository.write([line(0, key="old"), line(0, key="new")], tmp_path / "runs")
    assert [one["key"] for one in repository.read(["wine"], tmp_path / "runs")] == ["wine/plain/3/auto/0/new"]
