"""`mnlp` by hand: the mean over a sequence's units, whatever the reducer."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies.mnlp import Mnlp


@pytest.mark.parametrize("reducer", ["max", "mean"])
def test_mnlp_is_the_mean_negative_log_probability_of_the_best_class_of_each_unit(reducer):
    p = np.array([[0.5, 0.5], [0.8, 0.2], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [1.0, 0.0]])
    given = Pool(np.empty((3, 0)), p, np.array([0, 0, 1, 1, 1, 2]), np.empty((0, 0)), reducer=reducer)
    ranking = Mnlp().rank(given, 3, np.random.default_rng(0))
    assert ranking.rows.tolist() == [0, 1, 2]
    assert np.allclose(ranking.scores, [-(np.log(0.5) + np.log(0.8)) / 2, -np.log(0.9), 0])


def test_a_long_sequence_is_not_asked_for_its_length():
    p = np.array([[0.6, 0.4], *[[0.7, 0.3]] * 20])
    given = Pool(np.empty((2, 0)), p, np.array([0, *[1] * 20]), np.empty((0, 0)))
    assert Mnlp().rank(given, 2, np.random.default_rng(0)).rows.tolist() == [0, 1]
