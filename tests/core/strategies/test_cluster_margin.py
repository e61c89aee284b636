"""cluster_margin deals the smallest margins over clusters, the smallest cluster first."""

import numpy as np

from app.core.data import Pool
from app.core.strategies import cluster_margin
from app.core.strategies.cluster_margin import ClusterMargin, _average_linkage, _dealt


def doubtful(x, doubt):
    """A pool of two classes in which item i has the margin 1 − doubt[i]."""
    p = 1 - np.asarray(doubt, float) / 2
    x = np.array(x, np.float32)[:, None]
    return Pool(x, np.stack([p, 1 - p], axis=1), np.arange(len(x)), np.empty((0, 1)))


def rank(pool, n, seed=0, **settings):
    return ClusterMargin(**settings).rank(pool, n, np.random.default_rng(seed))


def test_average_linkage_by_hand():
    """0 and 1 join at 1, 5 and 7 at 2; 12 is 6 from these on average, they are 5.5 from 0 and 1: so 12 stays alone."""
    x = np.array([[0], [1], [5], [7], [12]], np.float32)
    assert _average_linkage(x, 3).tolist() == _average_linkage(x, 3)[[0, 0, 2, 2, 4]].tolist()
    assert len(set(_average_linkage(x, 3).tolist())) == 3
    two = _average_linkage(x, 2)
    assert two[0] == two[1] == two[2] == two[3] != two[4]


def test_clusters_are_dealt_from_the_smallest_round_and_round():
    labels = np.array([7, 3, 3, 5, 5, 5, 3])
    dealt = labels[_dealt(labels, np.random.default_rng(0))].tolist()
    assert dealt == [7, 3, 5, 3, 5, 3, 5]


def test_within_a_cluster_each_item_is_as_probable():
    labels = np.array([0, 0, 0, 1])
    second = [_dealt(labels, np.random.default_rng(seed))[1] for seed in range(3000)]
    assert np.allclose(np.bincount(second) / 3000, 1 / 3, atol=0.03)


def test_the_rare_doubtful_group_is_asked_first():
    """The four most doubtful: three of the group at 0 and one of that at 100; the sure ones at 50 are not looked at."""
    x = [0, 1, 2, 3, 50, 51, 52, 53, 100, 101, 102, 103]
    doubt = [0.9, 0.8, 0.7, 0, 0, 0, 0, 0.1, 0.6, 0.1, 0.1, 0.1]
    ranking = rank(doubtful(x, doubt), 2, doubtful=2.0, size=4.0)
    assert ranking.rows[0] == 8
    assert ranking.rows[1] in (0, 1, 2)
    assert np.allclose(ranking.scores, [0.6, 0.6])


def test_of_a_large_pool_a_sample_is_clustered_and_the_rest_go_with_the_nearest(monkeypatch):
    monkeypatch.setattr(cluster_margin, "SAMPLE", 40)
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(4), 100)
    x = 100 * group + rng.random(400)
    labels = ClusterMargin(size=10.0)._clusters(x[:, None].astype(np.float32), np.arange(400), rng)
    assert [len(set(labels[group == g].tolist())) for g in range(4)] == [1, 1, 1, 1]
    assert len(set(labels.tolist())) == 4
