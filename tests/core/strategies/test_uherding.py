"""uherding covers the pool's doubt, and is maxherding where the model doubts everything alike."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies._herding import herd
from app.core.strategies.maxherding import Maxherding
from app.core.strategies.uherding import NARROWEST, WIDEST, Uherding, _width


def rng():
    return np.random.default_rng(0)


def groups(sizes, yes, held=()):
    """Tight groups around orthogonal directions, the model's probability of yes in each, and held points in some."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.eye(8, dtype=np.float32)
    x = centres[group] + 0.02 * rng().normal(size=(len(group), 8)).astype(np.float32)
    p = np.asarray(yes, float)[group]
    return group, Pool(x, np.stack([1 - p, p], axis=1), np.arange(len(group)), centres[list(held)])


def test_weighted_gains_by_hand():
    """Weights ½, ¼, ¼. Gains 0.6, 0.675 and 0.325; beyond the cover of row 1, row 0 adds ¼ · 0.3, row 2 ¼ · 1."""
    between = np.array([[0.9, 0.3, 0.3], [0.9, 0.9, 0.0], [0.1, 0.1, 1.0]], np.float32)
    rows, gains, _ = herd(between, np.zeros(3, np.float32), np.array([0.5, 0.25, 0.25], np.float32), 3)
    assert rows.tolist() == [1, 2, 0]
    assert np.allclose(gains, [0.675, 0.25, 0])


def test_a_doubtful_group_is_asked_before_a_larger_one_that_the_model_is_sure_of():
    group, pool = groups([40, 12, 8], yes=[0.99, 0.5, 0.55])
    assert group[Uherding().rank(pool, 2, rng()).rows].tolist() == [1, 2]


def test_an_item_covers_less_the_surer_the_model_is_of_it():
    """Doubts 0.8 and 1: thirteen of the one hold 10.4, ten of the other 10; but √0.8 · 10.4 = 9.3."""
    group, pool = groups([13, 10], yes=[0.6, 0.5])
    assert group[Uherding(share=1.0).rank(pool, 1, rng()).rows].tolist() == [1]


def test_a_doubtful_group_with_a_label_is_left_for_another():
    group, pool = groups([40, 12, 8], yes=[0.99, 0.5, 0.55], held=[1])
    assert group[Uherding().rank(pool, 1, rng()).rows].tolist() == [2]


def test_where_all_is_doubtful_it_is_maxherding():
    x = np.random.default_rng(3).normal(size=(60, 8)).astype(np.float32)
    pool = Pool(x, np.full((60, 2), 0.5), np.arange(60), np.empty((0, 8), np.float32))
    expected = Maxherding().rank(pool, 10, rng()).rows
    assert Uherding(share=1.0).rank(pool, 10, rng()).rows.tolist() == expected.tolist()


def test_only_the_most_doubtful_are_chosen_from():
    x = np.random.default_rng(3).normal(size=(300, 8)).astype(np.float32)
    yes = np.linspace(0.5, 1, 300)
    pool = Pool(x, np.stack([1 - yes, yes], axis=1), np.arange(300), np.empty((0, 8), np.float32))
    assert Uherding(share=0.2).rank(pool, 5, rng()).rows.max() < 60


@pytest.mark.parametrize(("points", "width"), [([[0, 0]], WIDEST), ([[0, 0], [0.3, 0], [0.9, 0]], 0.3)])
def test_the_kernel_is_as_wide_as_labelled_items_are_apart(points, width):
    """Nearest others at 0.3, 0.3 and 0.6: the median is 0.3."""
    assert _width(np.array(points, np.float32), rng()) == pytest.approx(width)


def test_twins_among_the_labelled_leave_the_kernel_its_least_width():
    assert _width(np.ones((4, 2), np.float32), rng()) == pytest.approx(NARROWEST)


def test_anchors_of_a_large_pool_are_drawn_by_their_doubt():
    doubt = np.r_[np.full(50, 1.0), np.full(950, 1e-6)]
    anchors, weights = Uherding(anchors=50)._anchors(doubt, rng())
    assert (anchors < 50).mean() > 0.95
    assert weights.sum() == pytest.approx(1)
