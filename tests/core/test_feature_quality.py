"""RankMe by hand, and on samples."""

import numpy as np
import pytest

from app.core.data import ArrayFeatures
from app.core.feature_quality import rankme, sampled


def test_directions_of_equal_strength_all_count() -> None:
    assert rankme(np.eye(4)) == pytest.approx(4, abs=1e-4)
    assert rankme(np.repeat(np.eye(4), 3, axis=0)) == pytest.approx(4, abs=1e-4)


def test_rows_along_one_line_count_once() -> None:
    assert rankme(np.outer([1.0, 2.0, 3.0], [1.0, -1.0])) == pytest.approx(1, abs=1e-4)


def test_the_score_is_the_exponent_of_the_entropy_of_singular_values() -> None:
    # σ = 3, 1: p = ¾, ¼; −¾ ln ¾ − ¼ ln ¼ = 0.56234, e^0.56234 = 1.75477
    assert rankme(np.diag([3.0, 1.0])) == pytest.approx(1.75477, abs=1e-4)
    # the same turned in space and with more rows than columns: [[3, 0], [0, 1]] by a rotation of 30°
    c, s = np.sqrt(3) / 2, 0.5
    turned = np.array([[3 * c, -3 * s], [s, c], [0, 0]])
    assert rankme(turned) == pytest.approx(1.75477, abs=1e-4)
    assert rankme(turned.T) == pytest.approx(1.75477, abs=1e-4)


def test_the_scale_is_of_no_effect() -> None:
    x = np.random.default_rng(0).normal(size=(50, 8))
    assert rankme(1000 * x) == pytest.approx(rankme(x), rel=1e-6)


def test_nothing_has_no_rank() -> None:
    assert rankme(np.zeros((5, 3))) == 0
    assert rankme(np.empty((0, 3))) == 0
    assert rankme(np.empty((3, 0))) == 0


def test_features_without_redundancy_rank_above_copies_of_a_few() -> None:
    rng = np.random.default_rng(1)
    rich = rng.normal(size=(400, 32))
    poor = rich[:, :4] @ rng.normal(size=(4, 32))
    assert rankme(rich) > 25
    assert rankme(poor) < 4.1


def test_a_sample_is_bounded_in_order_and_without_doubles() -> None:
    features = ArrayFeatures(np.arange(100.0)[:, None])
    x = sampled(features, np.random.default_rng(0), rows=10)[:, 0]
    assert len(x) == len(set(x)) == 10
    assert (np.diff(x) > 0).all()
    assert np.array_equal(sampled(features, np.random.default_rng(0), rows=100), features.array)
