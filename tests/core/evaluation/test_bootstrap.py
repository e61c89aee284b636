"""Bootstrap intervals: BCa against a published case and by hand, and how often the intervals hold a known truth."""

from statistics import NormalDist

import numpy as np
import pytest

from app.core.evaluation.bootstrap import (
    bca,
    degrees,
    least_variance,
    log_loss_interval,
    macro_f1_interval,
    rare_classes,
    student,
)
from app.core.evaluation.metrics import log_loss, macro_f1

# The spatial test data of Efron & Tibshirani, An Introduction to the Bootstrap (1993), table 14.1, test A.
SPATIAL = np.array(
    [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41], float
)
EVEN = np.linspace(0, 1, 1001)


def one_hot(classes, k):
    return np.eye(k, dtype=bool)[classes]


def test_bca_against_the_published_interval_of_a_variance() -> None:
    rng = np.random.default_rng(0)
    times = rng.multinomial(26, np.full(26, 1 / 26), size=20_000)
    drawn = times @ SPATIAL**2 / 26 - (times @ SPATIAL / 26) ** 2
    without = np.array([np.delete(SPATIAL, i).var() for i in range(26)])
    assert SPATIAL.var() == pytest.approx(171.5, abs=0.05)
    low, high = bca(SPATIAL.var(), drawn, without, 0.9)
    # Table 14.2: (115.8, 259.6) from 2000 resamples; the upper end is still uncertain by a few.
    assert low == pytest.approx(115.8, abs=1.5)
    assert high == pytest.approx(259.6, abs=4)


def test_bca_without_bias_and_skewness_is_the_percentile_interval() -> None:
    assert bca(0.5, EVEN, np.array([1.0, 2, 3])) == pytest.approx((0.025, 0.975), abs=1e-3)


def test_bias_moves_both_ends_by_hand() -> None:
    # z₀ = Φ⁻¹(.6) = .2533: the ends are Φ(.5067 ∓ 1.96).
    assert bca(0.6, EVEN, np.array([1.0, 2, 3])) == pytest.approx((0.0731, 0.9932), abs=1e-3)


def test_skewness_moves_both_ends_by_hand() -> None:
    # d = (2, −1, −1): a = 6 / (6 · 6^1.5) = .0680; Φ(−1.96 / 1.1334) and Φ(1.96 / .8666).
    normal = NormalDist()
    low, high = bca(0.5, EVEN, np.array([-2.0, 1, 1]))
    assert low == pytest.approx(normal.cdf(-1.96 / 1.1334), abs=1e-3)
    assert high == pytest.approx(normal.cdf(1.96 / 0.8666), abs=1e-3)


def test_an_estimate_beyond_all_resamples_and_one_that_never_changes_have_an_interval() -> None:
    low, high = bca(2.0, EVEN, np.array([1.0, 2, 3]))
    assert 0.9 < low <= 1
    assert high == 2.0
    assert bca(1.0, np.ones(500), np.ones(9)) == (1.0, 1.0)


def test_macro_f1_has_no_interval_where_most_classes_are_rare() -> None:
    rng = np.random.default_rng(0)
    truth = one_hot(np.repeat([0, 1, 2], [8, 7, 7]), 3)
    assert rare_classes(truth).tolist() == [False, True, True]
    assert macro_f1_interval(truth, truth, rng) is None
    truth = one_hot(np.repeat([0, 1, 2], [8, 8, 7]), 3)
    assert macro_f1_interval(truth, truth, rng) == (1.0, 1.0)


def test_macro_f1_has_no_interval_where_half_are_rare_or_a_class_is_missing() -> None:
    rng = np.random.default_rng(0)
    truth = one_hot(np.repeat([0, 1], [40, 7]), 2)
    assert macro_f1_interval(truth, truth, rng) is None
    truth = one_hot(np.repeat([0, 1, 2], [40, 40, 40]), 4)
    assert macro_f1_interval(truth, truth, rng) is None
    truth = one_hot(np.repeat([0, 1, 2, 3], [40, 40, 40, 1]), 4)
    assert macro_f1_interval(truth, truth, rng) is not None


def test_the_log_loss_of_a_sure_model_is_held_though_few_rows_make_it() -> None:
    """One row in fifteen is a great surprise; of 60 rows BCa held the mean in 88 of 100."""
    losses = np.where(np.arange(3000) % 15 == 0, 4.0, 0.05) + np.linspace(0, 0.5, 3000)
    p = np.exp(-losses)
    both, right = np.column_stack([p, 1 - p]), np.tile([1.0, 0.0], (3000, 1))
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = rng.choice(3000, 60, replace=False)
        low, high = log_loss_interval(both[rows], right[rows], True, rng) or (0.0, 0.0)
        held += low <= losses.mean() <= high
        assert low >= 0
    assert held / 200 > 0.91


def test_rows_with_one_loss_have_an_interval_of_no_width() -> None:
    same = log_loss_interval(np.tile([0.5, 0.5], (9, 1)), np.tile([1.0, 0.0], (9, 1)), True, np.random.default_rng(0))
    assert same == pytest.approx((np.log(2), np.log(2)))


def test_a_single_item_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    assert log_loss_interval(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]]), True, rng) is None


def test_intervals_hold_their_estimate_and_are_the_same_for_the_same_seed() -> None:
    rng = np.random.default_rng(4)
    truth, predicted = rng.random((60, 4)) < 0.4, rng.random((60, 4)) < 0.4
    p = rng.random((60, 4))
    one, other = (
        (
            macro_f1_interval(predicted, truth, np.random.default_rng(1)),
            log_loss_interval(p, truth.astype(float), False, np.random.default_rng(1)),
        )
        for _ in range(2)
    )
    assert one == other
    assert one[0] is not None
    assert one[1] is not None
    assert one[0][0] < macro_f1(predicted, truth) < one[0][1]
    assert one[1][0] < log_loss(p, truth.astype(float), False) < one[1][1]


def test_a_set_that_is_resampled_in_parts_has_the_interval_of_its_size() -> None:
    rng = np.random.default_rng(0)
    losses = rng.exponential(size=8000)  # 500 resamples of 8,000 items are drawn in two parts
    p = np.exp(-losses)
    interval = log_loss_interval(np.column_stack([p, 1 - p]), np.tile([1.0, 0], (8000, 1)), True, rng)
    assert interval is not None
    half = 1.96 * losses.std() / np.sqrt(8000)
    assert interval == pytest.approx((losses.mean() - half, losses.mean() + half), abs=0.25 * half)


@pytest.mark.parametrize("n", [100, 300])
def test_macro_f1_intervals_hold_the_truth_as_often_as_they_say(n: int) -> None:
    rng = np.random.default_rng(2)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    confusion = 0.7 * np.eye(4) + 0.3 * shares
    hits = shares * np.diag(confusion)
    known = float((2 * hits / (shares + shares @ confusion)).mean())
    held = asked = 0
    for _ in range(150):
        classes = rng.choice(4, n, p=shares)
        predicted = (rng.random((n, 1)) > np.cumsum(confusion[classes], axis=1)).sum(axis=1)
        interval = macro_f1_interval(one_hot(predicted, 4), one_hot(classes, 4), rng)
        if interval is not None:
            asked += 1
            held += interval[0] <= known <= interval[1]
    assert asked > 145
    assert 0.91 < held / asked < 0.99


def test_log_loss_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    many = rng.dirichlet([0.3, 0.3, 0.3], 400_000)
    known = float(-(many * np.log(np.maximum(many, 1e-7))).sum(axis=1).mean())  # calibrated: the mean entropy
    held = 0
    for _ in range(200):
        p = rng.dirichlet([0.3, 0.3, 0.3], 150)
        classes = (rng.random((150, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
        interval = log_loss_interval(p, np.eye(3)[np.minimum(classes, 2)], True, rng)
        assert interval is not None
        held += interval[0] <= known <= interval[1]
    assert 0.91 < held / 200 < 0.98


def test_few_items_that_are_all_right_do_not_make_macro_f1_sure() -> None:
    """Nine of ten resamples of the class with four items would say what the sample says: 1."""
    truth = one_hot(np.repeat([0, 1, 2], [40, 40, 4]), 3)
    predicted = truth.copy()
    predicted[:3] = one_hot(np.array([1, 1, 1]), 3)
    few = macro_f1_interval(predicted, truth, np.random.default_rng(0)) or (0.0, 0.0)
    many = macro_f1_interval(np.repeat(predicted, 10, axis=0), np.repeat(truth, 10, axis=0), np.random.default_rng(0))
    assert few[1] - few[0] > np.sqrt(10) * (many[1] - many[0])


def test_the_least_variance_of_a_share_by_hand() -> None:
    """Three of three: p = 3.5 / 4, slope 2 / 1.875², variance p (1 − p) / 5."""
    found = least_variance(np.array([3.0]), np.array([6.0]))
    assert found == pytest.approx([(2 / 1.875**2) ** 2 * 0.875 * 0.125 / 5])


def test_degrees_of_a_sum_are_those_of_the_part_that_varies_most() -> None:
    assert degrees(np.array([1.0, 1.0]), np.array([10, 10])) == pytest.approx(20)
    assert degrees(np.array([1.0, 1e-9]), np.array([3, 99])) == pytest.approx(3)


@pytest.mark.parametrize(("freedom", "t"), [(4, 2.776), (10, 2.228), (np.inf, 1.960)])
def test_the_reach_is_students_t_and_what_resamples_vary_too_little(freedom: float, t: float) -> None:
    assert student(0.95, freedom) == pytest.approx(t * np.sqrt(1 + 1 / freedom), rel=0.02)


def test_macro_f1_of_skewed_classes_holds_the_truth_as_often_as_it_says() -> None:
    """Without the wider reach it was 0.89 of samples."""
    rng = np.random.default_rng(3)
    shares = np.array([0.6, 0.2, 0.1, 0.06, 0.04])
    confusion = 0.7 * np.eye(5) + 0.3 * shares
    hits = shares * np.diag(confusion)
    known = float((2 * hits / (shares + shares @ confusion)).mean())
    held = []
    while len(held) < 150:
        classes = rng.choice(5, 100, p=shares)
        predicted = (rng.random((100, 1)) > np.cumsum(confusion[classes], axis=1)).sum(axis=1)
        if interval := macro_f1_interval(one_hot(predicted, 5), one_hot(classes, 5), rng):
            held.append(interval[0] <= known <= interval[1])
    assert np.mean(held) > 0.915
