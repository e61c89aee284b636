"""maxherding covers the pool with few items, lazily as plain greed would."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies._herding import covered, gains_of, herd, kernel
from app.core.strategies.maxherding import Maxherding


def unlabelled(x, held=None):
    x = np.asarray(x, np.float32)
    held = np.empty((0, x.shape[1])) if held is None else np.asarray(held, np.float32)
    return Pool(x, np.empty((0, 2)), np.empty(0, int), held)


def rank(pool, n, **settings):
    return Maxherding(**settings).rank(pool, n, np.random.default_rng(0))


def clusters(sizes, held=()):
    """Tight groups of points around orthogonal directions, and held points in some of them."""
    rng = np.random.default_rng(0)
    centres = np.eye(8)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return groups, unlabelled(centres[groups] + 0.02 * rng.normal(size=(len(groups), 8)), centres[list(held)])


def test_a_kernel_by_hand():
    """‖x − y‖² = 4, σ = 2: e⁻¹."""
    found = kernel(np.array([[0, 0]], np.float32), np.array([[0, 2], [0, 0]], np.float32), 2.0)
    assert np.allclose(found, [[np.exp(-1), 1]])


def test_gains_by_hand():
    """Means 0.5, 0.6 and 0.4: row 1 first; beyond its cover the others add 0.3/3 and 1/3."""
    alike = np.full(3, 1 / 3, np.float32)
    between = np.array([[0.9, 0.3, 0.3], [0.9, 0.9, 0.0], [0.1, 0.1, 1.0]], np.float32)
    rows, gains, cover = herd(between, np.zeros(3, np.float32), alike, 2)
    assert rows.tolist() == [1, 2]
    assert np.allclose(gains, [0.6, 1 / 3])
    assert np.allclose(cover, [0.9, 0.9, 1.0])
    assert np.allclose(gains_of(between, np.zeros(3, np.float32), alike), [0.5, 0.6, 0.4])


def test_what_is_not_chosen_one_by_one_follows_by_what_it_still_covers():
    pool = unlabelled(np.random.default_rng(0).normal(size=(60, 8)))
    few, many = rank(pool, 60, chosen=12), rank(pool, 60)
    assert few.rows[:12].tolist() == many.rows[:12].tolist()
    assert few.rows[12] == many.rows[12]
    assert (np.diff(few.scores) <= 0).all()


def test_a_point_far_from_all_is_covered_by_nothing_and_costs_no_denormal_number():
    x = np.array([[0, 0], [9, 0]], np.float32)
    found = kernel(x, x, 0.1)
    assert np.allclose(found, np.eye(2))
    assert found.min() > np.finfo(np.float32).tiny
    assert np.allclose(covered(x, x[:1], 0.1), [1, 0])


def test_the_reach_of_an_item_is_a_factor_of_its_kernel():
    x, y = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(np.float32)
    reach = np.linspace(0.2, 1, 5)
    assert np.allclose(kernel(x, y, 1.5, reach), kernel(x, y, 1.5) * reach[:, None], atol=1e-6)


def test_each_group_is_asked_once_the_largest_first():
    groups, pool = clusters([10, 40, 20])
    assert groups[rank(pool, 3).rows].tolist() == [1, 2, 0]


def test_what_is_labelled_or_in_hands_is_left_alone():
    groups, pool = clusters([10, 40, 20], held=[1])
    assert groups[rank(pool, 2).rows].tolist() == [2, 0]


@pytest.mark.parametrize("chosen", [3, 500])
def test_looking_at_few_items_still_drains_the_pool(chosen):
    pool = unlabelled(np.random.default_rng(0).normal(size=(50, 8)))
    ranking = rank(pool, 50, anchors=5, candidates=10, chosen=chosen)
    assert sorted(ranking.rows.tolist()) == list(range(50))
    assert ranking.scores[10:].tolist() == [0] * 40


def test_lazy_greed_chooses_what_plain_greed_does():
    pool = unlabelled(np.random.default_rng(0).normal(size=(60, 8)))
    x = pool.features - pool.features.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    kernel = np.exp(-((x[:, None] - x) ** 2).sum(axis=2))
    cover, expected = np.zeros(60), []
    for _ in range(12):
        expected.append(int(np.maximum(kernel - cover, 0).mean(axis=1).argmax()))
        cover = np.maximum(cover, kernel[expected[-1]])
    assert rank(pool, 12).rows.tolist() == expected
