"""Forecast of the learning curve: a known curve is found, little is answered with None, and the band holds."""

from statistics import NormalDist

import numpy as np
import pytest

from app.core.evaluation.forecast import LEAST_POINTS, MOST_POINTS, Forecast, _thinned, forecast
from app.core.evaluation.intervals import wilson

LABELS = np.array([20, 30, 45, 70, 100, 150, 220, 320, 480, 700], float)


def power(n):
    return 0.92 - 1.6 * n**-0.5


def exact(curve, labels=LABELS, half=0.002):
    """Points on a curve, known to within so much."""
    return [(float(n), y, y - half, y + half) for n, y in zip(labels, curve(labels), strict=True)]


def project(curve, rng):
    """A project's points: the audit set grows by a tenth of the labels; models that follow each other are alike."""
    items = 30 + (LABELS / 2).astype(int)
    shared = rng.standard_normal(items[-1])
    points = []
    for n, size in zip(LABELS, items, strict=True):
        luck = np.sqrt(0.9) * shared + np.sqrt(0.1) * rng.standard_normal(items[-1])
        # The share right among all is the curve's: a normal quantile.
        right = int((luck[:size] < NormalDist().inv_cdf(curve(n))).sum())
        points.append((float(n), right / size, *wilson(right, size)))
    return points


def made(points, until=3000.0, seed=0) -> Forecast:
    found = forecast(points, until, np.random.default_rng(seed))
    assert found is not None
    return found


def test_a_power_law_is_found_and_continued() -> None:
    found = made(exact(power))
    assert found.family == "power"
    assert found.labels[[0, -1]].tolist() == [700, 3000]
    assert found.estimate == pytest.approx(power(found.labels), abs=0.005)
    assert (found.low <= power(found.labels)).all()
    assert (power(found.labels) <= found.high).all()
    assert (found.high - found.low).max() < 0.03


def test_an_exponential_is_told_from_a_power_law() -> None:
    def curve(n):
        return 0.85 - 0.5 * np.exp(-2 * n / 700)

    found = made(exact(curve))
    assert found.family == "exponential"
    assert found.estimate == pytest.approx(curve(found.labels), abs=0.015)


def test_a_curve_between_two_rates_is_off_by_no_more_than_its_band() -> None:
    for rate in (1.3, 1.8, 2.2, 3, 5):

        def curve(n, rate=rate):
            return 0.85 - 0.5 * np.exp(-rate * n / 700)

        found = made(exact(curve, half=0.02))
        assert found.low[-1] <= curve(3000) <= found.high[-1]
        assert abs(found.estimate[-1] - curve(3000)) < 0.03


def test_gains_and_the_labels_they_cost_are_read_off_the_curve() -> None:
    found = made(exact(power))
    assert found.gain(0) == 0
    assert found.gain(300) == pytest.approx(power(1000) - power(700), abs=0.003)
    # 1.6 (700^−½ − n^−½) = 0.01 at n = 1006.
    assert found.labels_for(0.01) == pytest.approx(306, abs=60)
    assert found.labels_for(0.2) is None
    assert found.gain(10_000) == found.gain(2300)  # as far as it reaches


def test_between_its_places_a_forecast_is_straight() -> None:
    at = np.array([100.0, 200, 400])
    some = Forecast(
        at, np.array([0.5, 0.6, 0.7]), np.zeros(3), np.ones(3), np.zeros(3), np.array([0, 0.2, 0.3]), "power"
    )
    assert some.gain(50) == pytest.approx(0.05)
    assert some.labels_for(0.15) == pytest.approx(200)
    assert some.labels_for(0.2) == pytest.approx(300)
    assert some.labels_for(0.21) is None


@pytest.mark.parametrize(
    ("labels", "until"),
    [
        (LABELS[: LEAST_POINTS - 1], 3000),
        (np.array([100, 110, 120, 130, 140, 150, 199.0]), 3000),  # labels have not doubled
        (LABELS, 700),  # nothing is to come
        (np.array([]), 3000),
    ],
)
def test_with_too_little_to_go_by_nothing_is_said(labels: np.ndarray, until: float) -> None:
    assert forecast(exact(power, labels), until, np.random.default_rng(0)) is None


def test_as_much_as_is_asked_for_is_enough() -> None:
    assert forecast(exact(power, LABELS[:LEAST_POINTS]), 3000, np.random.default_rng(0)) is not None
    assert forecast(exact(power, np.array([100, 110, 120, 130, 200.0])), 3000, np.random.default_rng(0)) is not None


def test_of_equal_labels_the_latest_counts_and_points_without_labels_do_not() -> None:
    points = exact(power)
    wrong = (points[3][0], 0.1, 0.05, 0.15)
    nothing = (0.0, 0.5, 0.4, 0.6)
    one, other = made(points), made([nothing, *points[:3], wrong, *points[3:]])
    assert np.array_equal(one.estimate, other.estimate)


def test_of_many_points_some_are_kept_evenly_over_log_labels_the_last_among_them() -> None:
    labels = np.arange(10, 1000, 10.0)
    kept = _thinned(exact(power, labels))
    assert len(kept) <= MOST_POINTS
    assert kept[[0, -1], 0].tolist() == [10, 990]
    assert np.median(kept[:, 0]) < 300  # as many below as above


def test_no_curve_is_ever_above_one_or_falls() -> None:
    rng = np.random.default_rng(0)
    straight = [(float(n), y, y - 0.03, y + 0.03) for n, y in zip(LABELS, np.linspace(0.5, 0.97, 10), strict=True)]
    certain = [(float(n), 1.0, *wilson(n, n)) for n in LABELS.tolist()]
    falling = [(float(n), y, y - 0.03, y + 0.03) for n, y in zip(LABELS, np.linspace(0.9, 0.6, 10), strict=True)]
    for points in (straight, certain, falling):
        found = made(points, 50_000, int(rng.integers(99)))
        for values in (found.estimate, found.low, found.high):
            assert ((values >= 0) & (values <= 1)).all()
        assert (np.diff(found.estimate) >= -1e-12).all()
        assert (found.most >= 0).all()
        assert (found.low <= found.high).all()


def test_it_begins_where_the_curve_ends() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = project(power, rng)
        found = made(points)
        assert (found.estimate[0], found.low[0], found.high[0]) == pytest.approx(points[-1][1:])
        assert found.high[-1] - found.low[-1] > points[-1][3] - points[-1][2]


def test_a_lucky_first_point_does_not_bend_the_curve() -> None:
    """6 right of 6 have a narrower interval than 40 of 60; read off a line of widths they say less."""
    points = [(n, y, y - w, y + w) for n, y, w in zip(LABELS, power(LABELS), 1.5 / np.sqrt(LABELS), strict=True)]
    lucky = [(points[0][0], 0.99, 0.97, 1.0), *points[1:]]
    assert made(lucky).estimate[-1] == pytest.approx(made(points).estimate[-1], abs=0.03)


def test_same_seed_same_forecast() -> None:
    one, other = made(exact(power)), made(exact(power))
    assert np.array_equal(one.low, other.low)
    assert np.array_equal(one.most, other.most)


def test_the_band_holds_the_curve_as_often_as_it_says_and_so_does_the_highest_gain() -> None:
    rng = np.random.default_rng(1)
    held, below, wide = 0, 0, []
    for _ in range(80):
        found = made(project(power, rng), 2100.0, 1)
        held += found.low[-1] <= power(2100) <= found.high[-1]
        below += power(2100) - power(700) <= found.most[-1]
        wide.append(found.high[-1] - found.low[-1])
    assert held / 80 > 0.9
    assert below / 80 > 0.9
    assert np.mean(wide) < 0.25  # it says something
