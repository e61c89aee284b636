"""The stage `balance`: each place to the class with the fewest labels, never at random."""

import numpy as np
import pytest

from app.core.stages.balance import by_class


def test_the_deficit_is_filled_before_classes_take_turns():
    # Ten rows; the first six are predicted 0, the others 1. Class 0 has three labels, class 1 one.
    found = by_class(np.arange(10, 20), np.array([0] * 6 + [1] * 4), np.array([3, 1]))
    assert found.order.tolist() == [16, 17, 10, 18, 11, 19, 12, 13, 14, 15]
    assert found.places.tolist() == [6, 7, 0, 8, 1, 9, 2, 3, 4, 5]
    assert found.moved.tolist() == [True, True, False, True, False, True, False, False, False, False]


def test_a_class_without_a_row_left_is_passed_over_and_the_order_of_the_strategy_stays():
    predicted = np.array([0, 0, 2, 0, 0])
    found = by_class(np.arange(5), predicted, np.array([100, 0, 50]))
    assert found.order.tolist() == [2, 0, 1, 3, 4]  # of class 1, which has no label, there is no row


def test_of_classes_with_equally_few_labels_the_one_that_ranks_higher_comes_first():
    found = by_class(np.arange(4), np.array([1, 0, 1, 0]), np.array([2, 2]))
    assert found.order.tolist() == [0, 1, 2, 3]
    assert not found.moved.any()


def test_no_row_is_lost_and_one_class_changes_nothing():
    rng = np.random.default_rng(0)
    order, predicted = rng.permutation(500), rng.integers(7, size=500)
    found = by_class(order, predicted, rng.integers(50, size=7))
    assert sorted(found.order.tolist()) == list(range(500))
    assert (order[found.places] == found.order).all()
    for c in range(7):  # within a class the strategy's order
        assert (np.diff(found.places[predicted[found.places] == c]) > 0).all()
    assert by_class(order, np.zeros(500, int), np.array([3])).order.tolist() == order.tolist()
    assert by_class(order[:0], predicted[:0], np.array([3])).order.tolist() == []


def test_labels_even_out_over_a_skewed_pool():
    predicted = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [900, 60, 40]))
    first = predicted[by_class(np.arange(1000), predicted, np.array([20, 5, 0])).places[:65]]
    assert np.bincount(first).tolist() == [10, 25, 30]  # thirty labels each


def test_what_has_no_predicted_class_of_the_project_is_refused():
    for predicted in ([0, 3], [0, -1], [0]):
        with pytest.raises(ValueError, match="from 0 to 2"):
            by_class(np.arange(2), np.array(predicted), np.zeros(3, int))
