"""k-means finds what can be worked out by hand, and leaves no cluster empty."""

import numpy as np

from app.core.strategies._distances import squared_norms
from app.core.strategies._kmeans import _means, _refill, assign, kmeans


def found(x, weights, k, seed=0):
    return kmeans(np.array(x, np.float32), np.array(weights, float), k, np.random.default_rng(seed))


def test_two_pairs_have_their_weighted_means_as_centres():
    clusters = found([[0], [1], [10], [14]], [1, 3, 1, 1], 2)
    assert np.allclose(np.sort(clusters.centres.ravel()), [0.75, 12])
    assert clusters.labels[0] == clusters.labels[1] != clusters.labels[2] == clusters.labels[3]
    assert np.allclose(clusters.distances, [0.5625, 0.0625, 4, 4], atol=1e-4)


def test_as_many_clusters_as_points_are_the_points():
    x = np.random.default_rng(0).normal(size=(30, 4))
    clusters = found(x, np.ones(30), 30)
    assert sorted(clusters.labels.tolist()) == list(range(30))
    assert np.allclose(clusters.centres[clusters.labels], x, atol=1e-6)


def test_there_are_no_more_clusters_than_points_that_differ():
    assert len(found(np.ones((6, 2)), np.ones(6), 4).centres) == 1
    assert len(found([[0], [0], [5], [5]], np.ones(4), 3).centres) == 2


def test_the_same_seed_clusters_the_same_and_lloyd_only_lowers_the_sum():
    x, weights = np.random.default_rng(0).normal(size=(200, 6)), np.linspace(0.1, 1, 200)
    assert np.array_equal(found(x, weights, 9).labels, found(x, weights, 9).labels)
    seeded = kmeans(x, weights, 9, np.random.default_rng(0), iterations=0)
    assert (weights * found(x, weights, 9).distances).sum() < (weights * seeded.distances).sum()


def test_an_empty_cluster_moves_to_the_point_that_costs_most():
    x = np.array([[0], [1], [9]], np.float32)
    centres = np.array([[0], [500]], np.float32)
    weights = np.array([1, 1, 0.5], np.float32)
    labels, distances = assign(x, centres, squared_norms(x))
    moved = _means(x, weights, labels, centres)
    assert moved.tolist() == [[np.float32(5.5 / 2.5)], [500]]
    _refill(moved, x, weights, labels, distances)
    assert moved[1].tolist() == [9]


def test_every_clear_group_gets_its_centre_whatever_the_seed():
    rng = np.random.default_rng(0)
    x = np.repeat(10 * np.eye(12), 20, axis=0) + 0.1 * rng.normal(size=(240, 12))
    for seed in range(10):
        labels = found(x, np.ones(240), 12, seed).labels.reshape(12, 20)
        assert (labels == labels[:, :1]).all()
        assert len(set(labels[:, 0].tolist())) == 12
