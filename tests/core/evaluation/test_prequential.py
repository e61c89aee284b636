"""Prequential accuracy, with windows counted by hand."""

import numpy as np
import pytest

from app.core.evaluation.intervals import wilson
from app.core.evaluation.prequential import prequential


def test_a_window_is_the_newest_steps_that_together_hold_enough_labels() -> None:
    judged = [(20, 12, 6), (28, 8, 8), (38, 10, 10), (50, 12, 0), (80, 30, 15)]
    points = prequential(judged, window=20)
    # 12; 12 + 8; without the first there would be 18, so it stays; 10 + 12; 30 alone.
    assert [(labels, n) for labels, *_, n in points] == [(20, 12), (28, 20), (38, 30), (50, 22), (80, 30)]
    assert [share for _, share, *_ in points] == pytest.approx([6 / 12, 14 / 20, 24 / 30, 10 / 22, 15 / 30])
    assert points[2][2:4] == pytest.approx(wilson(24, 30))


def test_nothing_is_shown_before_ten_labels_were_judged() -> None:
    assert prequential([]) == []
    assert prequential([(5, 5, 5), (9, 4, 4)]) == []
    assert [labels for labels, *_ in prequential([(5, 5, 5), (9, 4, 4), (10, 1, 0)])] == [10]


def test_a_step_that_judged_nothing_adds_no_point() -> None:
    assert prequential([(10, 10, 9), (20, 0, 0), (30, 10, 8)]) == [
        (10, 0.9, *wilson(9, 10), 10),
        (30, 0.85, *wilson(17, 20), 20),
    ]


def test_the_level_moves_the_interval_only() -> None:
    ((_, share, low, high, _),) = prequential([(40, 40, 30)], level=0.99)
    assert (share, low, high) == pytest.approx((0.75, *wilson(30, 40, 0.99)))
    assert low < wilson(30, 40)[0]


def test_on_labels_drawn_at_random_the_interval_holds_the_accuracy_of_the_windows_time() -> None:
    rng = np.random.default_rng(0)
    grown = 0.9 - 0.5 * np.arange(1, 61) ** -0.5
    held = 0
    for _ in range(400):
        right = rng.binomial(10, grown)
        points = prequential([(10 * step, 10, int(hits)) for step, hits in enumerate(right, 1)])
        _, _, low, high, n = points[-1]
        assert n == 50
        held += low <= grown[-5:].mean() <= high
    assert 0.92 < held / 400 < 0.99
