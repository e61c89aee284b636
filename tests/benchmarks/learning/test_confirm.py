"""Taking over runs of earlier code: what chooses the same stands, with its old seconds known as old."""

import json
from typing import Any

import pytest

pytest.importorskip("skactiveml", reason="needs the benchmark's environment")

from tests.benchmarks.learning import confirm, repository, results, runs
from tests.benchmarks.learning.data import sets
from tests.benchmarks.learning.data.sources import Missing
from tests.benchmarks.learning.plan import Cell


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Any:
    """Two runs on wine by earlier code, as if the newer code were the same; the cache and the file are the test's."""
    monkeypatch.setenv("MARGINALIA_BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(repository.read, "__defaults__", (tmp_path / "runs.parquet",))
    try:
        sets.load("wine")
    except Missing:
        pytest.skip("wine cannot be made here")
    lines = []
    for seed in (0, 1):
        line = runs.made(Cell("wine", "plain", "small", "margin", seed))
        lines.append({**line, "key": line["key"].rsplit("/", 1)[0] + "/earlier"})
    return lines


def load() -> list[results.Outcome]:
    cells = [Cell("wine", "plain", "small", "margin", seed) for seed in (0, 1)]
    found, _ = results.load(cells)
    return [one for there in found.values() for by_seed in there.values() for one in by_seed.values()]


def test_a_contestant_that_chooses_the_same_keeps_its_runs_and_is_timed_anew(kept, tmp_path):
    repository.write(kept, tmp_path / "runs.parquet")
    assert load() == []
    confirm.confirm(["margin"], ["wine"])
    assert [one.is_timed for one in load()] == [True, False]


def test_a_contestant_that_chooses_otherwise_does_not(kept, tmp_path):
    kept[0]["run"]["rows"] = "other rows"
    (tmp_path / "runs" / "wine.jsonl").parent.mkdir(exist_ok=True)
    (tmp_path / "runs" / "wine.jsonl").write_text("".join(json.dumps(one) + "\n" for one in kept))
    confirm.confirm(["margin"], ["wine"])
    assert load() == []
