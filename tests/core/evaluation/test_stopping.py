"""Agreement of successive models by hand, and the sentences that come of it."""

import numpy as np
import pytest

from app.core.evaluation.forecast import Forecast
from app.core.evaluation.stopping import STOP_SET, advise, is_stable, kappa, stop_rows

STEADY = [0.99, 0.995, 1.0]


def to_come(gain, most=0.2, reach=1000.0):
    """A forecast from 200 labels and 0.8, straight to a gain after so many more labels."""
    estimate = np.array([0.8, 0.8 + gain])
    return Forecast(
        np.array([200, 200 + reach]), estimate, estimate - 0.1, estimate, np.zeros(2), np.array([0, most]), "power"
    )


def test_kappa_by_hand() -> None:
    # 20 both yes, 15 both no, 5 and 10 of two minds: p_o = 35/50, p_e = .5 · .6 + .5 · .4, κ = .2 / .5.
    one = np.array([1] * 20 + [0] * 15 + [1] * 5 + [0] * 10)
    other = np.array([1] * 20 + [0] * 15 + [0] * 5 + [1] * 10)
    assert kappa(one, other) == pytest.approx(0.4)
    assert kappa(other, one) == pytest.approx(0.4)


def test_kappa_of_three_classes_by_hand() -> None:
    # p_o = 3/6, p_e = 3/6 · 2/6 + 2/6 · 2/6 + 1/6 · 2/6 = 1/3.
    assert kappa(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(
        (4 / 6 - 1 / 3) / (1 - 1 / 3)
    )


def test_kappa_at_its_ends() -> None:
    assert kappa(np.zeros(5, int), np.zeros(5, int)) == 1.0
    assert kappa(np.array([0, 1]), np.array([0, 1])) == 1.0
    assert kappa(np.zeros(5, int), np.ones(5, int)) == 0.0
    assert kappa(np.array([0, 1]), np.array([1, 0])) == -1.0
    # One constant model: agreement is all by chance.
    assert kappa(np.array([0, 0, 0, 1]), np.zeros(4, int)) == pytest.approx(0)


def test_stable_are_three_kappas_in_a_row_by_their_mean() -> None:
    assert is_stable([0.99, 0.985, 1.0])
    assert is_stable([0.2, 0.99, 0.99, 0.99])
    assert not is_stable([1.0, 1.0])
    assert not is_stable([1.0, 1.0, 1.0, 0.96])
    assert not is_stable([])


def test_a_small_pool_is_compared_as_a_whole_and_a_large_one_on_the_same_rows_each_time() -> None:
    assert stop_rows(5).tolist() == [0, 1, 2, 3, 4]
    assert stop_rows(STOP_SET).tolist() == list(range(STOP_SET))
    rows = stop_rows(10_000)
    assert len(set(rows.tolist())) == STOP_SET
    assert (np.diff(rows) > 0).all()
    assert rows.max() < 10_000
    assert np.array_equal(rows, stop_rows(10_000))
    assert abs(rows.mean() - 5000) < 200  # spread over the pool


def test_a_pool_that_has_grown_by_a_tenth_shares_nine_tenths_of_the_rows() -> None:
    shared = len(np.intersect1d(stop_rows(10_000), stop_rows(11_000))) / STOP_SET
    assert shared == pytest.approx(10 / 11, abs=0.02)


def test_with_nothing_to_go_by_it_is_too_early() -> None:
    advice = advise([], [], None, 10)
    assert (advice.state, advice.labels_for_a_point, advice.gain_of_a_batch) == ("early", None, None)
    assert advice.said == ("It is too early to tell what more labels would bring.",)


def test_without_a_forecast_the_share_of_changed_predictions_is_what_there_is_to_say() -> None:
    assert advise([0.8], [0.123], None, 10).said == ("The latest labels still changed 12\u00a0% of the predictions.",)
    assert advise([0.99], [0.002], None, 10).said == (
        "The latest labels still changed under 1\u00a0% of the predictions.",
    )
    one = advise([0.8, 1.0], [0.1, 0.0], None, 10)
    assert one.state == "early"
    assert one.said == (
        "The latest labels changed no prediction; two more such rounds would say that the model is stable.",
    )


def test_three_rounds_of_agreement_are_told_first() -> None:
    stable = "Predictions have been stable for three rounds: more labels will hardly change the model."
    assert advise(STEADY, [0.01, 0, 0], None, 10).said == (stable,)
    advice = advise(STEADY, [0.01, 0, 0], to_come(0.1), 10)
    assert advice.state == "stable"
    assert advice.said == (stable, "About 100 more labels for the next point of accuracy.")


def test_a_curve_that_climbs_says_what_the_next_point_costs() -> None:
    advice = advise([0.8], [0.1], to_come(0.05), 50)
    assert advice.state == "climbing"
    assert advice.labels_for_a_point == pytest.approx(200)  # a fifth of the way to five points
    assert advice.gain_of_a_batch == pytest.approx(0.0025)
    assert advice.said == (
        "About 200 more labels for the next point of accuracy.",
        "The latest labels still changed 10\u00a0% of the predictions.",
    )


def test_a_curve_that_is_expected_to_stay_says_so_and_says_more_where_even_its_best_case_stays() -> None:
    slowing = advise([], [], to_come(0.004, reach=1234), 50)
    assert (slowing.state, slowing.labels_for_a_point) == ("slowing", None)
    assert slowing.said == ("1\u202f200 more labels are expected to bring less than a point.",)
    flat = advise([], [], to_come(0.004, most=0.009), 50)
    assert flat.state == "slowing"
    assert flat.said == ("Even 1\u202f000 more labels would bring less than a point, as far as the curve can tell.",)


def test_counts_of_labels_have_two_digits() -> None:
    said = [advise([], [], to_come(0.01, reach=reach), 1).said[0].split(" more")[0] for reach in (0.2, 7.4, 994, 12345)]
    assert said == ["About 1", "About 7", "About 990", "About 12\u202f000"]
