"""Budget curves and their comparisons, against numbers worked out by hand and against known truths."""

import numpy as np
import pytest

from app.core.evaluation.curves import aubc, improvement, labels_to, paired_difference, paired_ratio, pooled_ratio

CURVE = [(10, 0.5), (20, 0.8), (30, 0.7), (40, 0.8), (50, 0.9)]


def test_the_first_reach_and_the_one_that_lasts() -> None:
    assert labels_to(CURVE, 0.8) == (20, False)
    assert labels_to(CURVE, 0.8, hold=2) == (40, False)
    assert labels_to(CURVE, 0.5, hold=5) == (10, False)


def test_a_curve_that_never_arrives_is_censored_one_step_after_its_end() -> None:
    assert labels_to(CURVE, 0.95) == (60, True)
    assert labels_to(CURVE, 0.9, hold=2) == (60, True)  # reached at the last point; nothing shows that it lasts
    assert labels_to([(10, 0.5)], 0.9) == (10, True)


def test_the_area_is_the_mean_height_between_its_bounds() -> None:
    assert aubc([(0, 0.0), (100, 1.0)]) == pytest.approx(0.5)
    # Trapezoids of 10 labels each: .65 + .75 + .75 + .85, over four.
    assert aubc(CURVE) == pytest.approx(0.75)
    assert aubc(CURVE, 15, 25) == pytest.approx(((0.65 + 0.8) / 2 + (0.8 + 0.75) / 2) / 2)
    assert aubc(CURVE, 50, 70) == pytest.approx(0.9)  # the last value is kept
    assert aubc([(10, 0.5)]) == 0.5


def test_improvement_is_the_share_of_what_random_leaves_open() -> None:
    assert improvement(0.8, 0.7, 0.9) == pytest.approx(0.5)
    assert improvement(0.6, 0.7, 0.9) == pytest.approx(-0.5)
    assert np.isnan(improvement(0.8, 0.9, 0.9))


def test_a_curve_must_rise_in_labels_and_hold_a_point() -> None:
    for points in ([], [(10, 0.5), (10, 0.6)], [(20, 0.5), (10, 0.6)]):
        with pytest.raises(ValueError, match="curve"):
            aubc(points)


def test_the_ratio_is_the_geometric_mean_of_the_pairs() -> None:
    rng = np.random.default_rng(0)
    ratio, low, high = paired_ratio([50, 200, 100], [100, 100, 100], rng)
    assert ratio == pytest.approx(1.0)
    assert low < 1 < high
    # Pairing takes out what the seeds share: however hard a seed is, a needs half.
    b = np.array([10.0, 100, 1000, 30])
    assert paired_ratio(b / 2, b, rng) == pytest.approx((0.5, 0.5, 0.5))


def test_over_data_sets_each_counts_once_however_many_seeds_it_has() -> None:
    rng = np.random.default_rng(0)
    pairs = [(np.full(9, 40.0), np.full(9, 10.0)), (np.full(3, 10.0), np.full(3, 40.0))]
    assert pooled_ratio(pairs, rng) == pytest.approx((1.0, 1.0, 1.0))


def test_two_seeds_bound_nothing() -> None:
    ratio, low, high = paired_ratio([50, 50], [100, 100], np.random.default_rng(0))
    assert (ratio, low, high) == (pytest.approx(0.5), 0.0, float("inf"))


def test_what_is_not_paired_or_not_positive_is_refused() -> None:
    rng = np.random.default_rng(0)
    for a, b in (([1, 2], [1]), ([0, 1], [1, 1]), ([], [])):
        with pytest.raises(ValueError, match="pairs"):
            paired_ratio(a, b, rng)
    with pytest.raises(ValueError, match="pairs"):
        paired_difference([1, 2], [1], rng)


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_intervals_of_few_seeds_hold_the_truth_as_often_as_they_say(seeds: int) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(600):
        a, b = np.exp(rng.normal(-0.5, 0.4, seeds)), np.ones(seeds)
        _, low, high = paired_ratio(a, b, rng, resamples=600)
        held += low <= np.exp(-0.5) <= high
    assert 0.9 < held / 600 < 0.98


def test_same_seed_same_interval() -> None:
    a, b = [0.8, 0.7, 0.9], [0.6, 0.7, 0.5]
    one, other = (paired_difference(a, b, np.random.default_rng(3)) for _ in range(2))
    assert one == other
    assert one[0] == pytest.approx(0.2)
