"""`least_confidence` by hand, and against a plain sort."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies.least_confidence import LeastConfidence


def ranked(p, n, owner=None, reducer="max"):
    owner = np.arange(len(p)) if owner is None else np.array(owner)
    given = Pool(np.empty((owner.max() + 1, 0)), p, owner, np.empty((0, 0)), reducer=reducer)
    return LeastConfidence().rank(given, n, np.random.default_rng(0))


def test_least_confidence_by_hand():
    ranking = ranked(np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.9, 0.05, 0.05], [0.36, 0.34, 0.3]]), 4)
    assert ranking.rows.tolist() == [3, 1, 0, 2]
    assert np.allclose(ranking.scores, [0.64, 0.6, 0.5, 0.1])


def test_least_confidence_asks_the_most_doubtful_unit_or_the_mean_over_them():
    yes = np.array([0.01, 0.5, 0.3, 0.3])  # 1 − max: 0.01 and 0.5; 0.3 and 0.3
    p = np.stack([1 - yes, yes], axis=1)
    assert np.allclose(ranked(p, 2, [0, 0, 1, 1]).scores, [0.5, 0.3])
    mean = ranked(p, 2, [0, 0, 1, 1], "mean")
    assert mean.rows.tolist() == [1, 0]
    assert np.allclose(mean.scores, [0.3, 0.255])


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_least_confidence_chooses_what_a_plain_sort_chooses(precision):
    p = np.random.default_rng(0).dirichlet(np.full(10, 0.5), size=3000).astype(precision)
    p[1500:] = p[:1500]  # every item twice: equal ones by row
    expected = np.argsort(p.max(axis=1), kind="stable")[:100]
    assert ranked(p, 100).rows.tolist() == expected.tolist()


def test_the_reason_says_how_sure_the_model_is():
    assert str(LeastConfidence().reason(0.66, ("refund", "card lost"))) == "Model is 34% sure of refund"
