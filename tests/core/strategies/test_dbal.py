"""dbal asks one doubtful item of each cluster, the heaviest first, then what lies apart."""

import numpy as np

from app.core.data import Pool
from app.core.strategies import dbal
from app.core.strategies.dbal import Dbal


def doubtful(x, doubt):
    """A pool of two classes in which item i has the margin 1 − doubt[i]."""
    p = 1 - np.asarray(doubt, float) / 2
    return Pool(np.array(x, np.float32), np.stack([p, 1 - p], axis=1), np.arange(len(x)), np.empty((0, len(x[0]))))


def rank(pool, n, **settings):
    return Dbal(**settings).rank(pool, n, np.random.default_rng(0))


def test_only_the_most_doubtful_are_looked_at():
    """β·m = 2·2: the four on the left; 50 lies apart but is sure."""
    pool = doubtful([[0], [1], [10], [11], [50]], [0.9, 0.8, 0.9, 0.7, 0.1])
    ranking = rank(pool, 2, beta=2.0)
    assert set(ranking.rows.tolist()) == {0, 2}


def test_the_nearest_to_each_weighted_centre_is_asked_by_weight_and_distance():
    """Clusters {0, 1, 2}, {20, 22} and {40}: weights 2.4, 1.2, 0.5 of 4.1; centres 1.125, 20.67 and 40.

    The nearest are 1, 20 and 40. First the heaviest, 1; then 0.5 · 39² = 760 against 1.2 · 19² = 433.
    """
    pool = doubtful([[0], [1], [2], [20], [22], [40]], [0.6, 0.9, 0.9, 0.8, 0.4, 0.5])
    ranking = rank(pool, 3, beta=2.0)
    assert ranking.rows.tolist() == [1, 5, 3]
    assert np.allclose(ranking.scores, np.array([2.4, 0.5, 1.2 * 19**2 / 39**2]) / 4.1, atol=1e-5)


def test_a_centre_whose_nearest_item_is_taken_gets_the_next():
    assert sorted(rank(doubtful([[0], [0], [0], [7]], [0.5] * 4), 4).rows.tolist()) == [0, 1, 2, 3]
    x = np.array([[0], [1], [5]], np.float32)
    assert dbal._nearest(x, np.array([[0.1], [0.2], [0.3]], np.float32)).tolist() == [0, 1, 2]


def test_twins_are_not_asked_in_one_batch_while_others_are_doubtful():
    x = np.repeat(np.arange(20.0)[:, None], 5, axis=0)
    ranking = rank(doubtful(x, np.full(100, 0.9)), 20)
    assert sorted(x[ranking.rows, 0].tolist()) == list(range(20))


def test_beyond_the_clusters_items_come_by_margin(monkeypatch):
    monkeypatch.setattr(dbal, "CLUSTERS", 2)
    ranking = rank(doubtful([[0], [1], [2], [9], [10]], [0.3, 0.9, 0.4, 0.9, 0.5]), 5, beta=1.0)
    assert set(ranking.rows[:2].tolist()) == {1, 3}
    assert ranking.rows[2:].tolist() == [4, 2, 0]
    assert ranking.scores[2:].tolist() == [0, 0, 0]


def test_the_most_doubtful_unit_of_an_item_weighs():
    yes = np.array([0.01, 0.5, 0.2, 0.2, 0.02, 0.02])
    pool = Pool(
        np.array([[0], [5], [9]], np.float32),
        np.stack([1 - yes, yes], axis=1),
        np.repeat([0, 1, 2], 2),
        np.empty((0, 1)),
    )
    assert rank(pool, 1, beta=2.0).rows.tolist() == [0]


def test_an_item_without_units_comes_last():
    pool = Pool(np.eye(3, dtype=np.float32), np.full((2, 2), 0.5), np.array([0, 2]), np.empty((0, 3)))
    assert rank(pool, 3, beta=1.0).rows.tolist()[2] == 1


def test_a_reason_names_the_classes():
    assert str(Dbal().reason(0.5, ("refund", "card lost"))) == "Stands for many between refund and card lost"
