"""`margin` by hand, and against a plain sort."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies.margin import Margin, uncertainty


def given(p, owner=None, reducer="max"):
    owner = np.arange(len(p)) if owner is None else np.array(owner)
    nothing = np.empty((0, 0))
    return Pool(np.empty((owner.max() + 1, 0)), p, owner, nothing, reducer=reducer)


def ranked(pool, n):
    return Margin().rank(pool, n, np.random.default_rng(0))


def test_margin_by_hand():
    p = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.9, 0.05, 0.05], [0.34, 0.33, 0.33]])
    assert np.allclose(uncertainty(p), [0.8, 1.0, 0.15, 0.99])
    ranking = ranked(given(p), 4)
    assert ranking.rows.tolist() == [1, 3, 0, 2]
    assert np.allclose(ranking.scores, [1.0, 0.99, 0.8, 0.15])


def test_the_margin_of_a_yes_or_no_is_one_minus_the_distance_from_even():
    yes = np.array([0.1, 0.5, 0.8])
    assert np.allclose(uncertainty(np.stack([1 - yes, yes], axis=1)), 1 - np.abs(2 * yes - 1))


def test_margin_asks_the_most_doubtful_unit_of_an_item_or_the_mean_over_a_sequence():
    yes = np.array([0.01, 0.5, 0.2, 0.2])  # 1 − margin: 0.02 and 1; 0.4 and 0.4
    p = np.stack([1 - yes, yes], axis=1)
    highest = ranked(given(p, [0, 0, 1, 1], "max"), 2)
    assert highest.rows.tolist() == [0, 1]
    assert np.allclose(highest.scores, [1.0, 0.4])
    mean = ranked(given(p, [0, 0, 1, 1], "mean"), 2)
    assert np.allclose(mean.scores, [0.51, 0.4])
    longer = ranked(given(np.repeat(p, [1, 1, 1, 9], axis=0), [0, 0, *[1] * 10], "mean"), 2)
    assert np.allclose(longer.scores, mean.scores)  # however long a sequence is


@pytest.mark.parametrize("classes", [2, 3, 32, 33, 77, 1000])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_margin_chooses_what_a_plain_sort_of_all_classes_chooses(classes, precision):
    p = np.random.default_rng(classes).dirichlet(np.full(classes, 0.3), size=3000).astype(precision)
    p[1500:] = p[:1500]  # every item twice: equal ones by row
    top = np.sort(p, axis=1)[:, ::-1]
    expected = np.argsort(top[:, 0] - top[:, 1], kind="stable")[:100]
    assert ranked(given(p), 100).rows.tolist() == expected.tolist()


def test_margins_of_single_precision_are_told_apart_however_small():
    p = np.array([[0.25 + 3e-8, 0.25, 0.5], [0.5, 0.5 - 6e-8, 0], [0.5, 0.5 - 3e-8, 0], [0.3, 0.3, 0.4]], np.float32)
    gaps = p.max(axis=1) - np.partition(p, 1, axis=1)[:, 1]
    assert 0 < gaps[2] < gaps[1]
    assert ranked(given(p), 2).rows.tolist() == [2, 1]


def test_margin_names_the_classes_it_means():
    assert str(Margin().reason(0.9, ("refund", "card lost"))) == "Model hesitates between refund and card lost"
