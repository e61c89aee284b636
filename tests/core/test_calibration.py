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
    # Logit 1 for the first of two classes, right three times of four: σ(1/T) = ¾, so 1/T = log 3. And 6,000 such rows.
    z = np.tile([[1.0, 0.0]], (6000, 1))
    targets = np.eye(2)[np.arange(6000) % 4 // 3]
    assert temperature(z, targets, True) == pytest.approx(1 / np.log(3), rel=1e-3)
    # 20 rows leave it nearer to what is usual, where 20 (σ(β) − ¾) + log(0.75 β) / (0.4² β) = 0.
    few = temperature(z[:20], targets[:20], True)
    beta = 1 / few
    assert 0.75 < few < 1 / np.log(3)
    assert 20 * (1 / (1 + np.exp(-beta)) - 0.75) + np.log(0.75 * beta) / (0.16 * beta) == pytest.approx(0, abs=0.01)


def test_what_chosen_rows_say_by_hand():
    """300 chosen rows of logit 1, right 3 times of 4: log T' = −log log 3, I = 300 p q β² = 300 · 3/16 · (log 3)²."""
    z = np.tile([[1.0, 0.0]], (300, 1))
    targets = np.eye(2)[np.arange(300) % 4 // 3]
    beta = np.log(3)
    told = -np.log(beta) - 0.15, 1 / (1 / (300 * 3 / 16 * beta**2) + 0.15**2)
    usual = np.log(0.75), 1 / 0.4**2
    expected = np.exp((told[0] * told[1] + usual[0] * usual[1]) / (told[1] + usual[1]))
    assert temperature(z, targets, True, np.zeros(300, bool)) == pytest.approx(expected, rel=1e-3)
    assert expected < temperature(z, targets, True)


def test_chosen_rows_say_less_the_more_uniform_rows_there_are():
    rng = np.random.default_rng(0)
    z, targets = drawn(2000, 4, rng)
    harder, of_those = drawn(300, 4, rng)
    both = np.r_[z, 3 * harder], np.r_[targets, of_those]
    apart = []
    for n in (20, 200, 2000):
        rows = np.r_[np.arange(n), np.arange(2000, 2300)]
        found = temperature(both[0][rows], both[1][rows], True, rows < 2000)
        apart.append(abs(np.log(found / temperature(z[:n], targets[:n], True))))
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.06


def test_uniform_rows_alone_are_all_rows():
    z, targets = drawn(60, 3, np.random.default_rng(0))
    assert temperature(z, targets, True, np.ones(60, bool)) == temperature(z, targets, True)


def test_classes_that_a_model_does_not_know_are_left_out():
    z, targets = drawn(2000, 4, np.random.default_rng(0))
    wider = np.c_[z, np.full(2000, -np.inf)]
    assert temperature(wider, np.c_[targets, np.zeros(2000)], True) == pytest.approx(
        temperature(z, targets, True), rel=1e-3
    )
    assert temperature(np.full((3, 2), np.nan), np.eye(2)[[0, 1, 0]], True) == 1.0


def test_it_stays_within_bounds_when_everything_is_right_or_wrong():
    z, right = np.tile([[1.0, 0.0]], (80, 1)), np.tile([[1.0, 0.0]], (80, 1))
    assert 0.2 < temperature(z, right, True) < 0.3  # 80 rows that are all right promise no more
    assert 3 < temperature(z, 1 - right, True) < 21
    assert np.isfinite(temperature(np.zeros((80, 2)), right, True))
