"""`bald` by hand: what draws contradict each other about, not what all are unsure of."""

import numpy as np

from app.core.data import Pool
from app.core.strategies.bald import Bald, information


def given(samples, owner=None, reducer="max"):
    samples = np.array(samples)
    owner = np.arange(samples.shape[1]) if owner is None else np.array(owner)
    features, held = np.empty((owner.max() + 1, 0)), np.empty((0, 0))
    return Pool(features, samples.mean(axis=0), owner, held, samples=samples, reducer=reducer)


# Two draws of three units: sure and contradicting each other, both unsure, one sure and one unsure.
DRAWS = [[[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]], [[0.0, 1.0], [0.5, 0.5], [0.5, 0.5]]]
HALF_SURE = 2 * np.log(2) - 0.75 * np.log(3) - np.log(2) / 2  # H[¾, ¼] − ½ log 2


def test_bald_by_hand_without_ever_taking_the_logarithm_of_nothing():
    assert np.allclose(information(np.array(DRAWS)), [np.log(2), 0, HALF_SURE])
    ranking = Bald().rank(given(DRAWS), 3, np.random.default_rng(0))
    assert ranking.rows.tolist() == [0, 2, 1]
    assert np.allclose(ranking.scores, [np.log(2), HALF_SURE, 0])


def test_equal_draws_tell_nothing_and_never_less_than_nothing():
    p = np.random.default_rng(0).dirichlet(np.ones(7), size=3000)
    found = information(np.repeat(p[None], 20, axis=0))
    assert (found >= 0).all()
    assert (found < 1e-12).all()


def test_bald_asks_the_most_telling_unit_or_the_mean_over_them():
    owner = [0, 0, 1]
    assert np.allclose(Bald().rank(given(DRAWS, owner), 2, np.random.default_rng(0)).scores, [np.log(2), HALF_SURE])
    mean = Bald().rank(given(DRAWS, owner, "mean"), 2, np.random.default_rng(0))
    assert mean.rows.tolist() == [0, 1]
    assert np.allclose(mean.scores, [np.log(2) / 2, HALF_SURE])
