"""LURE against weights worked out by hand, against every order of picks, and against a pool whose truth is known."""

from itertools import permutations

import numpy as np
import pytest

from app.core.evaluation.intervals import wilson
from app.core.evaluation.lure import lure, weighted_share, weights


def pick(chances, count, rng):
    """Rows picked without replacement in proportion to `chances`, and the probability of each pick when it was made."""
    # The order of exponential times at these rates is that of such picks.
    rows = np.argsort(rng.exponential(size=len(chances)) / chances)[:count]
    picked = chances[rows]
    return rows, picked / (chances.sum() - np.cumsum(picked) + picked)


def test_weights_of_two_picks_of_four_by_hand() -> None:
    # v₁ = 1 + 2/3 · (1 / (4 q₁) − 1), v₂ = 1 + 2/2 · (1 / (3 q₂) − 1) = 1 / (3 q₂).
    assert weights(np.array([1 / 2, 1 / 3]), 4) == pytest.approx([2 / 3, 1])
    assert weights(np.array([1 / 8, 1 / 6]), 4) == pytest.approx([5 / 3, 2])
    assert weights(np.array([1.0, 1.0]), 4) == pytest.approx([1 / 2, 1 / 3])


def test_picks_at_random_weigh_the_same() -> None:
    assert weights(1 / np.arange(10, 4, -1), 10) == pytest.approx(np.ones(6))


def test_the_whole_pool_needs_no_weights() -> None:
    assert weights(np.array([0.7, 0.2, 1.0]), 3) == pytest.approx(np.ones(3))
    assert lure(np.array([0.0, 1.0, 5.0]), np.array([0.7, 0.2, 1.0]), 3) == pytest.approx(2)


def test_lure_by_hand() -> None:
    # (2/3 · 3 + 1 · 1) / 2.
    assert lure(np.array([3.0, 1.0]), np.array([1 / 2, 1 / 3]), 4) == pytest.approx(1.5)


def test_over_every_order_of_picks_the_mean_is_the_pools() -> None:
    losses, chances = np.array([1.0, 0, 5, 2]), np.array([8.0, 1, 2, 5])
    mean = naive = 0.0
    for rows in permutations(range(4), 2):
        q = np.array([chances[rows[0]] / 16, chances[rows[1]] / (16 - chances[rows[0]])])
        mean += q.prod() * lure(losses[list(rows)], q, 4)
        naive += q.prod() * losses[list(rows)].mean()
    assert mean == pytest.approx(losses.mean())
    assert naive != pytest.approx(losses.mean(), abs=0.01)


@pytest.mark.parametrize(("q", "pool"), [([0.5, 0.0], 4), ([1.1], 4), ([-0.1], 4), ([np.nan], 4), ([0.5, 1.0], 1)])
def test_what_cannot_be_repaired_is_refused(q: list[float], pool: int) -> None:
    with pytest.raises(ValueError, match="probability"):
        weights(np.array(q), pool)


def test_the_weighted_share_by_hand() -> None:
    # v = (2/3, 2): share (2/3) / (8/3), effective (8/3)² / (4/9 + 4) = 64/40.
    share, low, high, effective = weighted_share(np.array([True, False]), np.array([1 / 2, 1 / 6]), 4)
    assert (share, effective) == pytest.approx((1 / 4, 1.6))
    assert (low, high) == pytest.approx(wilson(0.4, 1.6))


def test_of_picks_at_random_the_share_is_the_plain_one() -> None:
    right = np.array([True] * 6 + [False] * 2)
    assert weighted_share(right, 1 / np.arange(50, 42, -1), 50) == pytest.approx((6 / 8, *wilson(6, 8), 8))


def test_a_pick_without_an_answer_keeps_its_place_in_the_numbering() -> None:
    q = np.array([1 / 2, 1 / 9, 1 / 6])
    right, known = np.array([True, True, False]), np.array([True, False, True])
    # Of N = 4, M = 3: v₁ = 1 + 1/3 · (1/2 − 1) = 5/6, v₃ = 1 + 1 · (1 / (2/6) − 1) = 3.
    share, *_, effective = weighted_share(right, q, 4, known)
    assert share == pytest.approx(5 / 6 / (5 / 6 + 3))
    assert effective == pytest.approx((23 / 6) ** 2 / (25 / 36 + 9))
    assert weighted_share(right, q, 4, np.zeros(3, bool)) == (0.0, 0.0, 1.0, 0.0)
    assert weighted_share(np.zeros(0, bool), np.zeros(0), 4) == (0.0, 0.0, 1.0, 0.0)


def test_lure_is_without_bias_where_the_mean_of_what_was_chosen_is_far_off() -> None:
    rng = np.random.default_rng(0)
    doubt = rng.beta(1, 4, 500)
    losses = (rng.random(500) < doubt).astype(float)  # doubtful items are wrong more often
    repaired, naive, held = [], [], 0
    for _ in range(1000):
        rows, q = pick(doubt + 0.1, 80, rng)
        repaired.append(lure(losses[rows], q, 500))
        naive.append(losses[rows].mean())
        share, low, high, effective = weighted_share(losses[rows] == 0, q, 500)
        held += low <= 1 - losses.mean() <= high
        assert low < share < high
        assert effective < 80
    assert np.mean(naive) - losses.mean() > 0.07
    error = np.std(repaired) / np.sqrt(1000)
    assert abs(np.mean(repaired) - losses.mean()) < 3 * error < 0.006
    assert held / 1000 > 0.92
