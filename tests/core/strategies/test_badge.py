"""badge seeds among gradients that it never makes: the same distances, the same probabilities."""

import numpy as np

from app.core.data import Pool
from app.core.strategies._distances import squared_norms
from app.core.strategies.badge import Badge, _gradients, _residuals


def pool_of(x, p, owner=None):
    owner = np.arange(len(p)) if owner is None else np.array(owner)
    return Pool(np.array(x, np.float32), np.array(p, float), owner, np.empty((0, len(x[0]))))


def rank(pool, n, seed=0):
    return Badge().rank(pool, n, np.random.default_rng(seed))


def test_a_residual_has_the_one_of_the_most_probable_class():
    residuals = _residuals(pool_of(np.eye(2), [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]))
    assert np.allclose(residuals, [[0.3, -0.2, -0.1], [-0.3, -0.3, 0.6]])


def test_distances_are_those_of_the_gradients_written_out():
    rng = np.random.default_rng(0)
    pool = pool_of(rng.normal(size=(20, 6)), rng.dirichlet(np.ones(5), size=20))
    residuals = np.eye(5)[pool.probabilities.argmax(axis=1)] - pool.probabilities
    gradients = np.einsum("nc,nd->ncd", residuals, pool.features).reshape(20, -1)
    expected = ((gradients[:, None] - gradients) ** 2).sum(axis=2)
    made = _residuals(pool)
    geometry = _gradients(made, pool.features, squared_norms(made) * squared_norms(pool.features))
    assert np.allclose(geometry(np.arange(20), np.arange(20)), expected, atol=1e-5)


def test_the_longest_gradient_comes_first():
    """‖A‖‖H‖: 0.5·√2 · 1 = 0.71, 0.4·√2 · 2 = 1.13, 0.1·√2 · 5 = 0.71."""
    pool = pool_of([[1, 0], [0, 2], [3, 4]], [[0.5, 0.5], [0.6, 0.4], [0.9, 0.1]])
    assert [rank(pool, 1, seed).rows.tolist() for seed in range(5)] == [[1]] * 5


def test_the_second_is_drawn_in_proportion_to_its_squared_distance():
    """‖A‖² = 1/2 each, so that D² is half the features': 9 from (3, 0) to 0 and 1 to (2, 0), 5 to (2, −2)."""
    pool = pool_of([[3, 0], [0, 0], [2, 0], [2, -2]], np.full((4, 2), 0.5))
    second = np.bincount([rank(pool, 2, seed).rows[1] for seed in range(3000)], minlength=4)
    assert np.allclose(second / 3000, np.array([0, 9, 1, 5]) / 15, atol=0.03)


def test_scores_are_the_least_distance_so_far():
    pool = pool_of([[4, 0], [0, 0], [0, 0]], np.full((3, 2), 0.5))
    ranking = rank(pool, 3)
    assert ranking.rows[0] == 0
    assert np.allclose(ranking.scores, [np.sqrt(8), np.sqrt(8), 0])
    assert str(Badge().reason(ranking.scores[2], ())) == "Resembles others that are asked"


def test_units_of_as_many_questions_lie_side_by_side():
    """Two yes-or-no questions: p(yes) 0.2 and 0.9 of the one item, 0.5 and 0.4 of the other."""
    yes = np.array([0.2, 0.9, 0.5, 0.4])
    residuals = _residuals(pool_of(np.eye(2), np.stack([1 - yes, yes], axis=1), [0, 0, 1, 1]))
    assert np.allclose(residuals, [[0.2, -0.2, -0.1, 0.1], [0.5, -0.5, 0.4, -0.4]])


def test_units_of_varying_number_are_summed():
    p = [[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]
    residuals = _residuals(pool_of(np.eye(3), p, [0, 0, 2]))
    assert np.allclose(residuals, [[0.2 - 0.3, -0.2 + 0.3], [0, 0], [0.4, -0.4]])


def test_a_model_that_is_sure_of_everything_still_drains_the_pool():
    pool = pool_of(np.eye(4), np.tile([1.0, 0.0], (4, 1)))
    ranking = rank(pool, 4)
    assert sorted(ranking.rows.tolist()) == [0, 1, 2, 3]
    assert ranking.scores.tolist() == [0, 0, 0, 0]
