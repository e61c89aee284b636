"""The stage `candidates`: bounded, the most doubtful ones, and some of all."""

import numpy as np
import pytest

from app.core.stages.candidates import preselect


def test_a_small_pool_and_no_bound_leave_every_row():
    doubt = np.arange(5.0)
    assert preselect(5, 5, doubt, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
    assert preselect(5, 0, doubt, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
    assert preselect(0, 10, None, np.random.default_rng(0)).tolist() == []


def test_four_in_five_are_the_most_doubtful_and_the_fifth_is_drawn_from_all_others():
    doubt = np.random.default_rng(0).random(1000)
    rows = preselect(1000, 100, doubt, np.random.default_rng(1))
    assert len(set(rows.tolist())) == 100
    assert (np.diff(rows) > 0).all()
    top = np.argsort(-doubt)
    assert set(top[:80].tolist()) <= set(rows.tolist())
    assert np.isin(rows, top[500:]).sum() >= 5  # of those the model is sure of, too


def test_equal_doubts_go_by_row():
    rows = preselect(100, 10, np.zeros(100), np.random.default_rng(0))
    assert rows[:8].tolist() == list(range(8))


def test_without_doubts_every_row_is_as_probable_as_any_other():
    times = np.zeros(50, int)
    for seed in range(400):
        rows = preselect(50, 10, None, np.random.default_rng(seed))
        assert len(set(rows.tolist())) == 10
        times[rows] += 1
    assert abs(times / 400 - 0.2).max() < 0.08


def test_the_same_seed_selects_the_same_and_doubts_must_be_of_the_pool():
    doubt = np.arange(1000.0)
    first, second = (preselect(1000, 50, doubt, np.random.default_rng(3)) for _ in range(2))
    assert first.tolist() == second.tolist()
    with pytest.raises(ValueError, match="5 doubts of 6 rows"):
        preselect(6, 3, np.zeros(5), np.random.default_rng(0))
