"""`maxherding` on groups whose order is plain to see, and against greed without shortcuts."""

import numpy as np

from app.core.data import Pool
from app.core.strategies.maxherding import Maxherding


def clusters(sizes, held=()):
    """Tight groups of points around orthogonal directions, and held points in some of them."""
    rng = np.random.default_rng(0)
    centres = np.eye(8)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    points = centres[groups] + 0.02 * rng.normal(size=(len(groups), 8))
    return groups, Pool(points, np.empty((0, 2)), np.empty(0, int), centres[list(held)])


def scattered(n):
    points = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    return Pool(points, np.empty((0, 3)), np.empty(0, int), np.empty((0, 8), np.float32))


def test_maxherding_asks_each_group_once_the_largest_first():
    groups, given = clusters([10, 40, 20])
    ranking = Maxherding().rank(given, 3, np.random.default_rng(0))
    assert groups[ranking.rows].tolist() == [1, 2, 0]


def test_maxherding_leaves_alone_what_is_labelled_or_in_hands():
    groups, given = clusters([10, 40, 20], held=[1])
    assert groups[Maxherding().rank(given, 2, np.random.default_rng(0)).rows].tolist() == [2, 0]


def test_maxherding_looking_at_few_items_still_drains_the_pool():
    strategy = Maxherding(anchors=5, candidates=10, chosen=3)
    assert sorted(strategy.rank(scattered(50), 50, np.random.default_rng(0)).rows.tolist()) == list(range(50))


def test_maxherding_by_lazy_evaluation_chooses_what_plain_greed_does():
    given = scattered(60)
    x = given.features - given.features.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    kernel = np.exp(-((x[:, None] - x) ** 2).sum(axis=2))
    cover, expected = np.zeros(60), []
    for _ in range(12):
        expected.append(int(np.maximum(kernel - cover, 0).mean(axis=1).argmax()))
        cover = np.maximum(cover, kernel[expected[-1]])
    assert Maxherding().rank(given, 12, np.random.default_rng(0)).rows.tolist() == expected
