"""`falcun` by hand, and against a plain loop over its equations."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies.falcun import Falcun
from app.core.strategies.margin import uncertainty


def given(p, owner=None):
    owner = np.arange(len(p)) if owner is None else np.array(owner)
    return Pool(np.empty((owner.max() + 1, 0)), np.array(p), owner, np.empty((0, 0)))


def replayed(points, doubts, rows, gamma):
    """The propensity of each of these rows in turn, straight from the paper."""
    distance, left, found = doubts.copy(), list(range(len(points))), []
    for row in rows:
        low, high = distance[left].min(), distance[left].max()
        relevance = doubts + ((distance - low) / (high - low) if high > low else 0)
        found.append(relevance[row] ** gamma / (relevance[left] ** gamma).sum())
        left.remove(row)
        distance = np.minimum(distance, np.abs(points - points[row]).sum(axis=1))
    return found


@pytest.mark.parametrize("gamma", [1.0, 3.5, 10.0])
def test_every_draw_has_the_probability_of_the_papers_equations(gamma):
    p = np.random.default_rng(0).dirichlet(np.full(5, 0.5), size=60)
    ranking = Falcun(gamma=gamma).rank(given(p), 60, np.random.default_rng(1))
    assert np.allclose(ranking.propensities, replayed(p, uncertainty(p), ranking.rows, gamma), rtol=1e-3, atol=1e-12)


def test_the_first_draw_by_hand():
    p = [[0.5, 0.5, 0.0], [0.75, 0.25, 0.0], [1.0, 0.0, 0.0]]  # u = 1, ½, 0; r = 2, 1, 0
    first = [Falcun(gamma=1.0).rank(given(p), 1, np.random.default_rng(seed)) for seed in range(1000)]
    rows = np.array([ranking.rows[0] for ranking in first])
    assert abs((rows == 0).mean() - 2 / 3) < 0.06
    assert {round(float(one.propensities[0]), 3) for one in first if one.rows[0] == 0} == {0.667}
    assert {round(float(one.propensities[0]), 3) for one in first if one.rows[0] == 1} == {0.333}


def test_doubts_of_another_kind_come_before_more_of_the_same():
    p = [[0.5, 0.5, 0.0]] * 20 + [[0.0, 0.5, 0.5]] * 20 + [[0.98, 0.01, 0.01]] * 20
    kinds = [Falcun().rank(given(p), 2, np.random.default_rng(seed)).rows // 20 for seed in range(50)]
    assert sum(set(kind.tolist()) == {0, 1} for kind in kinds) >= 45


def test_what_comes_after_the_chosen_is_drawn_by_the_relevance_that_is_left():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=30)
    ranking = Falcun(gamma=2.0, chosen=3).rank(given(p), 30, np.random.default_rng(1))
    assert sorted(ranking.rows.tolist()) == list(range(30))
    doubts, first = uncertainty(p), ranking.rows[:3]
    assert np.allclose(ranking.propensities[:3], replayed(p, doubts, first, 2.0), rtol=1e-4)
    distance = np.minimum(doubts, np.abs(p[:, None] - p[first]).sum(axis=2).min(axis=1))
    left = distance[ranking.rows[3:]]
    weights = (doubts[ranking.rows[3:]] + (left - left.min()) / (left.max() - left.min())) ** 2
    assert np.allclose(ranking.propensities[3:], weights / weights[::-1].cumsum()[::-1], rtol=1e-3)


def test_items_with_several_units_differ_by_the_mean_over_their_units():
    yes = np.random.default_rng(0).random(40)
    p = np.stack([1 - yes, yes], axis=1)
    points, doubts = p.reshape(20, 4), uncertainty(p).reshape(20, 2).max(axis=1)
    ranking = Falcun().rank(given(p, np.repeat(np.arange(20), 2)), 10, np.random.default_rng(0))
    assert np.allclose(ranking.propensities, replayed(points / 2, doubts, ranking.rows, 10.0), rtol=1e-3, atol=1e-12)


def test_items_with_different_numbers_of_units_differ_by_their_mean_probabilities():
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=7)
    owner = np.array([0, 0, 1, 2, 2, 2, 3])
    means = np.stack([p[owner == row].mean(axis=0) for row in range(4)])
    doubts = np.array([uncertainty(p)[owner == row].max() for row in range(4)])
    ranking = Falcun().rank(given(p, owner), 4, np.random.default_rng(0))
    assert np.allclose(ranking.propensities, replayed(means, doubts, ranking.rows, 10.0), rtol=1e-3, atol=1e-12)


def test_a_gamma_that_would_overflow_draws_the_most_relevant_one_and_a_negative_one_is_refused():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=30)
    ranking = Falcun(gamma=1e4).rank(given(p), 30, np.random.default_rng(1))
    assert ranking.rows[0] == uncertainty(p).argmax()
    assert ranking.propensities[0] == pytest.approx(1)
    with pytest.raises(ValueError, match="gamma"):
        Falcun(gamma=-1.0)
