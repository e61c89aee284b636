"""`entropy` by hand, and against a plain sort in double precision."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies.entropy import Entropy, entropies


def ranked(p, n, owner=None, reducer="max"):
    owner = np.arange(len(p)) if owner is None else np.array(owner)
    given = Pool(np.empty((owner.max() + 1, 0)), p, owner, np.empty((0, 0)), reducer=reducer)
    return Entropy().rank(given, n, np.random.default_rng(0))


def test_entropy_by_hand():
    p = np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.25, 0.25, 0]])
    expected = np.log(2) * np.array([0, 1, 2, 1.5])
    assert np.allclose(entropies(p), expected, rtol=0, atol=1e-15)
    assert np.allclose(entropies(p, np.float32), expected, atol=1e-6)
    assert ranked(p, 4).rows.tolist() == [2, 3, 1, 0]


def test_entropy_asks_the_most_doubtful_unit_or_the_mean_over_them():
    p = np.array([[1.0, 0], [0.5, 0.5], [0.75, 0.25], [0.75, 0.25]])
    quarter = 2 * np.log(2) - 0.75 * np.log(3)
    assert np.allclose(ranked(p, 2, [0, 0, 1, 1]).scores, [np.log(2), quarter])
    mean = ranked(p, 2, [0, 0, 1, 1], "mean")
    assert mean.rows.tolist() == [1, 0]
    assert np.allclose(mean.scores, [quarter, np.log(2) / 2])


@pytest.mark.parametrize("classes", [2, 10, 77, 1000])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_entropy_chooses_what_a_plain_sort_in_double_precision_chooses(classes, precision):
    p = np.random.default_rng(classes).dirichlet(np.full(classes, 0.5), size=2000).astype(precision)
    p[1000:] = p[:1000]  # every item twice: equal ones by row
    double = np.maximum(p.astype(np.float64), 1e-300)
    scores = -(p * np.log(double)).sum(axis=1)
    ranking = ranked(p, 100)
    assert ranking.rows.tolist() == np.argsort(-scores, kind="stable")[:100].tolist()
    assert np.allclose(ranking.scores, scores[ranking.rows], rtol=0, atol=1e-12)


def test_entropies_nearer_to_each_other_than_single_precision_can_tell_are_told_apart():
    step = 2e-5 * np.arange(200)[:, None]
    p = np.full((200, 4), 0.25) + step * [1, -1, 1, -1]  # H falls by 2 (step)² · 4, far below 1e-7 at first
    shuffled = np.random.default_rng(0).permutation(200)
    ranking = ranked(p[shuffled], 10)
    assert shuffled[ranking.rows].tolist() == list(range(10))


def test_the_reason_counts_the_answers_that_the_belief_is_worth():
    assert (
        str(Entropy().reason(np.log(5), ("refund", "card lost")))
        == "Model wavers between some 5 answers, refund for one"
    )
    assert str(Entropy().reason(0.0, ())) == "Model is nearly sure"
