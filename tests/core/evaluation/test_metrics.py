"""Every number that is shown, against one worked out by hand or counted."""

import numpy as np
import pytest

from app.core.evaluation import accuracy, ece, log_loss, macro_f1, wilson


def test_wilson_against_published_values():
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_its_ends():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 10)[0] == 0.0
    assert wilson(5, 10, 0.99)[0] < wilson(5, 10)[0]
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


def test_wilson_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for truth, n in ((0.9, 40), (0.7, 200), (0.97, 100)):
        found = [wilson(int(k), n) for k in rng.binomial(n, truth, size=2000)]
        held = np.mean([low <= truth <= high for low, high in found])
        assert held > 0.92


def test_accuracy_counts_items_that_are_wholly_right():
    assert accuracy(np.array([[0, 1], [1, 1], [0, 0]]), np.array([[0, 1], [1, 0], [0, 0]])) == pytest.approx(2 / 3)


def test_macro_f1_by_hand():
    truth = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], bool)
    predicted = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]], bool)
    # Class 0: 2·1 / (1 + 2); class 1: 2·1 / (2 + 1); class 2 neither occurs nor is predicted.
    assert macro_f1(predicted, truth) == pytest.approx(2 / 3)
    assert macro_f1(truth, truth) == 1.0
    assert macro_f1(np.zeros((2, 2), bool), np.zeros((2, 2), bool)) == 0.0


def test_log_loss_by_hand():
    p = np.array([[0.5, 0.5], [0.9, 0.1]])
    t = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert log_loss(p, t, True) == pytest.approx((np.log(2) + np.log(10)) / 2)
    assert log_loss(np.array([[0.5, 0.9]]), np.array([[1.0, 0.0]]), False) == pytest.approx(
        (np.log(2) + np.log(10)) / 2
    )
    assert np.isfinite(log_loss(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]), True))


def test_ece_by_hand():
    # Two items at .9, one right; one at .6 that is right: |1 − 1.8| / 3 and |1 − .6| / 3.
    assert ece(np.array([0.9, 0.9, 0.6]), np.array([1, 0, 1])) == pytest.approx((0.8 + 0.4) / 3)
    assert ece(np.ones(5), np.ones(5)) == 0.0


def test_ece_bins_end_where_they_say():
    # 1/15 is the last value of bin 0, so that its gap cancels against that of .01 only there.
    assert ece(np.array([1 / 15, 0.01]), np.array([0, 1])) == pytest.approx(abs(1 - 1 / 15 - 0.01) / 2)
