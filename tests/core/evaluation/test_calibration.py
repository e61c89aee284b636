"""Calibration error of few items: near 0 for a calibrated model, and an interval that holds a known truth.

`learners/_outputs.py` calibrates; this measures.
"""

import numpy as np
import pytest

from app.core.evaluation.calibration import calibration_error
from app.core.evaluation.metrics import ece


def measured(rng, n, gap, repetitions):
    """(plain ECE, estimate, low, high) of so many samples of a model that is right by `gap` less often than it says."""
    found = np.empty((repetitions, 4))
    for row in found:
        confidence = 0.4 + 0.55 * rng.random(n)
        right = rng.random(n) < confidence - gap
        row[:] = ece(confidence, right), *calibration_error(confidence, right, rng)
    return found


def test_of_many_items_it_is_the_plain_error() -> None:
    rng = np.random.default_rng(0)
    confidence = np.repeat([0.9, 0.6], 50_000)
    right = np.concatenate([np.arange(50_000) < 35_000, np.arange(50_000) < 30_000])
    estimate, low, high = calibration_error(confidence, right, rng)
    # 0.7 right at 0.9, 0.6 right at 0.6.
    assert ece(confidence, right) == pytest.approx(0.1)
    assert estimate == pytest.approx(0.1, abs=0.002)
    assert 0.09 < low < estimate < high < 0.11


def test_a_model_that_is_as_right_as_it_says_has_an_error_of_zero() -> None:
    confidence, right = np.full(10, 0.7), np.arange(10) < 7
    estimate, low, high = calibration_error(confidence, right, np.random.default_rng(0))
    assert (estimate, low) == (0.0, 0.0)
    assert high < 1e-9  # 0 but for rounding


def test_no_error_is_larger_than_one() -> None:
    for confidence, right in ((0.95, False), (0.05, True), (1.0, False)):
        estimate, low, high = calibration_error(np.array([confidence]), np.array([right]), np.random.default_rng(0))
        assert 0 <= low <= estimate <= high <= 1


def test_same_seed_same_numbers() -> None:
    confidence, right = np.linspace(0.3, 1, 40), np.arange(40) % 3 > 0
    one, other = (calibration_error(confidence, right, np.random.default_rng(5)) for _ in range(2))
    assert one == other


def test_a_calibrated_model_is_near_zero_with_few_items_where_the_plain_error_is_a_tenth() -> None:
    plain, estimate, low, _ = measured(np.random.default_rng(1), 80, 0.0, 40).T
    assert plain.mean() > 0.1
    assert estimate.mean() < 0.05
    assert (low == 0).mean() > 0.9


@pytest.mark.parametrize(("n", "gap"), [(100, 0.15), (400, 0.2)])
def test_intervals_hold_the_error_of_a_model_that_is_too_sure(n: int, gap: float) -> None:
    _, estimate, low, high = measured(np.random.default_rng(2), n, gap, 40).T
    assert abs(estimate.mean() - gap) < 0.04
    assert ((low <= gap) & (gap <= high)).mean() > 0.8
