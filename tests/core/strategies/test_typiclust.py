"""typiclust asks the most typical item of each group without labels, the largest group first."""

import numpy as np

from app.core.data import Pool
from app.core.strategies import typiclust
from app.core.strategies.typiclust import Typiclust

SPREAD = np.array([0, 1, 1.5, 2, 3])  # the middle is the most typical, the ends least


def groups(copies, held=()):
    """Groups on a line, 100 apart, each of so many copies of SPREAD; what is held lies in the middle of some."""
    x = np.concatenate([100 * g + np.repeat(SPREAD, c) for g, c in enumerate(copies)])
    points = 100.0 * np.array(held).reshape(-1, 1) + 1.5
    return (x // 100).astype(int), Pool(x[:, None].astype(np.float32), np.empty((0, 2)), np.empty(0, int), points)


def rank(pool, n, seed=0, **settings):
    return Typiclust(**settings).rank(pool, n, np.random.default_rng(seed)).rows


def order(x, **settings):
    made = Typiclust(**settings)._by_typicality(np.array(x)[:, None], np.arange(len(x)), np.random.default_rng(0))
    return made.tolist()


def test_typicality_by_hand():
    """Two nearest of each: 0: 1 + 3; 1: 1 + 2; 3: 1 + 2; 4: 1 + 3; 20: 16 + 17. Equals in their order."""
    assert order([0.0, 1, 3, 4, 20], neighbours=20) == [1, 2, 0, 3, 4]


def test_typicality_asks_no_more_neighbours_than_it_may():
    """One nearest of each: 2, 1, 1, 3, 3, 9."""
    assert order([0.0, 2, 3, 6, 9, 18], neighbours=1) == [1, 2, 0, 3, 4, 5]


def test_typicality_against_a_sample_of_a_large_cluster(monkeypatch):
    x = np.concatenate([np.linspace(0, 1, 150), [3.0]])
    monkeypatch.setattr(typiclust, "MEMBERS", 60)
    assert order(x)[-1] == 150
    assert sorted(order(x)) == list(range(151))


def test_the_largest_group_is_asked_first_and_its_middle():
    group, pool = groups([1, 3, 2])
    rows = rank(pool, 3)
    assert group[rows].tolist() == [1, 2, 0]
    assert pool.features[rows[2], 0] == 1.5


def test_a_group_in_which_something_is_held_comes_after_those_without():
    group, pool = groups([1, 3, 2], held=[1])
    rows = rank(pool, 2)
    assert group[rows].tolist() == [2, 0]
    assert group[rank(pool, 15, clusters=3)][:4].tolist() == [2, 0, 1, 2]


def test_a_group_that_is_too_small_comes_last():
    x = np.concatenate([np.repeat(SPREAD, 3), 100 + SPREAD, [900.0, 901]])
    pool = Pool(x[:, None].astype(np.float32), np.empty((0, 2)), np.empty(0, int), np.empty((0, 1)))
    assert rank(pool, 22, clusters=3)[-2:].tolist() == [20, 21]


def test_clusters_of_a_sample_label_the_whole_pool(monkeypatch):
    monkeypatch.setattr(typiclust, "SAMPLE", 25)
    group, pool = groups([8, 8, 8], held=[2])
    assert set(group[rank(pool, 2)].tolist()) == {0, 1}
    assert sorted(rank(pool, 120).tolist()) == list(range(120))
