"""Temperature scaling finds what was done to the logits."""

import numpy as np
import pytest

from app.core.calibration import temperature


def drawn(n, classes, rng):
    """Logits, and outcomes drawn from just these probabilities."""
    z = 2 * rng.normal(size=(n, classes))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    outcomes = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return z, np.eye(classes)[outcomes]


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_it_undoes_a_scaling(factor):
    z, targets = drawn(4000, 5, np.random.default_rng(0))
    assert temperature(z * factor, targets, True) == pytest.approx(factor, rel=0.07)


def test_it_undoes_a_scaling_of_several_classes():
    rng = np.random.default_rng(0)
    z = 2 * rng.normal(size=(4000, 3))
    targets = (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)
    assert temperature(3 * z, targets, False) == pytest.approx(3, rel=0.07)


def test_two_rows_by_hand():
    # Logit 1 for the first of two classes, right three times of four: σ(1/T) = ¾, so 1/T = log 3. And 60 such rows.
    z = np.tile([[1.0, 0.0]], (60, 1))
    targets = np.eye(2)[np.arange(60) % 4 // 3]
    assert temperature(z, targets, True) == pytest.approx(1 / np.log(3), rel=1e-3)
    # Of 20 rows log T counts for 20/50.
    assert temperature(z[:20], targets[:20], True) == pytest.approx((1 / np.log(3)) ** 0.4, rel=1e-3)


def test_classes_that_a_model_does_not_know_are_left_out():
    z, targets = drawn(2000, 4, np.random.default_rng(0))
    wider = np.c_[z, np.full(2000, -np.inf)]
    assert temperature(wider, np.c_[targets, np.zeros(2000)], True) == pytest.approx(
        temperature(z, targets, True), rel=1e-3
    )
    assert temperature(np.full((3, 2), np.nan), np.eye(2)[[0, 1, 0]], True) == 1.0


def test_it_stays_within_bounds_when_everything_is_right_or_wrong():
    z, right = np.tile([[1.0, 0.0]], (80, 1)), np.tile([[1.0, 0.0]], (80, 1))
    assert 0.04 < temperature(z, right, True) < 0.1
    assert 10 < temperature(z, 1 - right, True) < 21
    assert np.isfinite(temperature(np.zeros((80, 2)), right, True))
