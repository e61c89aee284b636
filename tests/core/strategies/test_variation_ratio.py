"""`variation_ratio` by hand: votes of draws, not the confidence of one model."""

import numpy as np

from app.core.data import Pool
from app.core.strategies.variation_ratio import VariationRatio, ratios


def given(samples, owner=None, reducer="max"):
    samples = np.array(samples)
    owner = np.arange(samples.shape[1]) if owner is None else np.array(owner)
    features, held = np.empty((owner.max() + 1, 0)), np.empty((0, 0))
    return Pool(features, samples.mean(axis=0), owner, held, samples=samples, reducer=reducer)


def draws(*units):
    """Samples [k, u, 2] from each unit's probabilities of yes by draw."""
    yes = np.array(units).T
    return np.stack([1 - yes, yes], axis=2)


# Of four draws: all say yes, though barely; one says no; two say no; all say no.
VOTES = draws([0.51, 0.51, 0.51, 0.51], [0.9, 0.9, 0.9, 0.1], [0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1])


def test_variation_ratio_by_hand():
    assert ratios(VOTES).tolist() == [0, 0.25, 0.5, 0]
    ranking = VariationRatio().rank(given(VOTES), 4, np.random.default_rng(0))
    assert ranking.rows.tolist() == [2, 1, 0, 3]  # of the two on which all agree first the one that is barely so
    assert ranking.scores.tolist() == [0.5, 0.25, 0, 0]


def test_what_is_equal_in_votes_and_margin_goes_by_row():
    same = np.repeat(VOTES[:, 1:2], 5, axis=1)
    assert VariationRatio().rank(given(same), 3, np.random.default_rng(0)).rows.tolist() == [0, 1, 2]


def test_a_draw_that_is_even_votes_for_the_first_class():
    assert ratios(draws([0.5, 0.5, 0.1, 0.9])).tolist() == [0.25]


def test_variation_ratio_asks_the_most_disputed_unit_or_the_mean_over_them():
    ranking = VariationRatio().rank(given(VOTES, [0, 1, 1, 0], "max"), 2, np.random.default_rng(0))
    assert (ranking.rows.tolist(), ranking.scores.tolist()) == ([1, 0], [0.5, 0])
    ranking = VariationRatio().rank(given(VOTES, [0, 1, 1, 0], "mean"), 2, np.random.default_rng(0))
    assert (ranking.rows.tolist(), ranking.scores.tolist()) == ([1, 0], [0.375, 0])
