"""Our margin, least confidence and entropy choose the very items that the libraries' choose, ties by row."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from app.core import plugins
from app.core.data import Pool
from app.core.strategies import Strategy

TWINS = {
    "margin": [("scikit_activeml", "margin"), ("modal", "margin"), ("small_text", "BreakingTies")],
    "entropy": [("scikit_activeml", "entropy"), ("modal", "entropy"), ("small_text", "PredictionEntropy")],
    "least_confidence": [
        ("scikit_activeml", "least confident"),
        ("modal", "uncertainty"),
        ("small_text", "LeastConfidence"),
    ],
}
CASES = [(ours, *theirs) for ours, among in TWINS.items() for theirs in among]


def pool(classes: int, ties: bool, seed: int) -> Pool:
    """2,000 items; with ties, every probability is that of 20 items, exactly."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(classes, 0.5), 100 if ties else 2000)
    P = np.repeat(P, 20, axis=0)[rng.permutation(2000)] if ties else P
    return Pool(rng.normal(size=(2000, 4)).astype(np.float32), P, np.arange(2000), np.empty((0, 4), np.float32))


def peer(library: str, name: str) -> Strategy:
    package = {"scikit_activeml": "skactiveml", "modal": "modAL", "small_text": "small_text"}[library]
    pytest.importorskip(package, reason="the libraries are in the benchmark's own environment: make bench-learning")
    module = importlib.import_module(f"tests.benchmarks.learning.peers.{library}")
    return next(one for one in module.STRATEGIES if one.name.split(" ", 1)[1] == name)


@pytest.mark.parametrize(("ours", "library", "name"), CASES)
@pytest.mark.parametrize("classes", [2, 3, 10, 77])
def test_the_same_items_are_chosen(ours: str, library: str, name: str, classes: int) -> None:
    given = pool(classes, False, classes)
    mine = plugins.make("strategies", {"name": ours}, Strategy).rank(given, 50, np.random.default_rng(0)).rows
    theirs = peer(library, name).rank(given, 50, np.random.default_rng(0)).rows
    assert sorted(mine.tolist()) == sorted(theirs.tolist())


@pytest.mark.parametrize(("ours", "library", "name"), CASES)
def test_where_items_tie_the_same_values_are_chosen_and_ours_are_the_first_rows(
    ours: str, library: str, name: str
) -> None:
    given = pool(10, True, 1)
    mine = plugins.make("strategies", {"name": ours}, Strategy).rank(given, 50, np.random.default_rng(0)).rows
    theirs = peer(library, name).rank(given, 50, np.random.default_rng(0)).rows

    def groups(rows: np.ndarray) -> list[tuple[float, ...]]:
        return sorted(tuple(given.probabilities[row]) for row in rows)

    assert groups(mine) == groups(theirs)
    last = given.probabilities[mine[-1]]  # the group that the border cuts: of it, the first rows
    tied = np.flatnonzero((given.probabilities == last).all(axis=1))
    assert sorted(set(mine.tolist()) & set(tied.tolist())) == tied[: int(np.isin(tied, mine).sum())].tolist()


def test_a_pool_whose_probabilities_are_hidden_is_not_guessed_at() -> None:
    peers = importlib.import_module("tests.benchmarks.learning.peers")
    given = pool(3, False, 0)
    with pytest.raises(ValueError, match="needs the head"):
        peers.probabilities(given, given.features + 1)


def test_the_requirements_are_pinned() -> None:
    for name in ("requirements.txt", "requirements-alone.txt"):
        lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
        assert all("==" in line for line in lines if line and not line.startswith("#"))
