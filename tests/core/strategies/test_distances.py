"""Distances hold against their definition, and seeding draws with the probabilities it states."""

import numpy as np

from app.core.strategies import _distances
from app.core.strategies._distances import blocks, euclidean, lower, spread, squared, squared_norms


def test_squared_distances_by_hand_and_none_between_twins():
    x = np.array([[0, 3], [4, 0]], np.float32)
    assert squared(x, x, squared_norms(x), squared_norms(x)).tolist() == [[0, 25], [25, 0]]


def test_twins_are_exactly_nothing_apart_however_long_they_are():
    x = np.repeat(100 * np.random.default_rng(0).normal(size=(1, 384)), 50, axis=0).astype(np.float32)
    assert not squared(x, x, squared_norms(x), squared_norms(x)).any()


def test_blocks_cover_every_row_once():
    parts = [list(range(part.start, part.stop)) for part in blocks(10, _distances.BLOCK // 4)]
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(blocks(0, 5)) == []


def test_lowering_block_by_block_is_the_distance_to_the_nearest(monkeypatch):
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    nearest = np.full(50, np.inf, np.float32)
    monkeypatch.setattr(_distances, "BLOCK", 21)
    lower(nearest, euclidean(x), np.array([4, 9, 30]))
    assert np.allclose(nearest, ((x[:, None] - x[[4, 9, 30]]) ** 2).sum(axis=2).min(axis=1), atol=1e-5)
    assert nearest[[4, 9, 30]].tolist() == [0, 0, 0]


def test_seeding_draws_in_proportion_to_the_weighted_squared_distance():
    """From 0 on a line: 1, 2 and 3 have D² = 1, 4, 9, with weights 4, 1, 1 each 4 : 4 : 9."""
    x = np.array([[0], [1], [2], [3]], np.float32)
    weights = np.array([1, 4, 1, 1], np.float32)
    rng = np.random.default_rng(0)
    second = np.bincount([spread(euclidean(x), weights, 0, 2, rng)[0][1] for _ in range(4000)], minlength=4)
    assert second[0] == 0
    assert np.allclose(second[1:] / 4000, np.array([4, 4, 9]) / 17, atol=0.03)


def test_seeding_with_bounds_draws_the_third_as_plain_seeding_does():
    """After 0 and 3 on a line the D² of 1 and 2 are 1 and 1; after 0 and 1 those of 2 and 3 are 1 and 4."""
    x = np.array([[0], [1], [2], [3]], np.float32)
    rng = np.random.default_rng(1)
    thirds = [spread(euclidean(x), np.ones(4, np.float32), 0, 3, rng)[0].tolist() for _ in range(6000)]
    after_3 = [third for _, second, third in thirds if second == 3]
    after_1 = [third for _, second, third in thirds if second == 1]
    assert abs(np.mean(np.array(after_3) == 1) - 1 / 2) < 0.03
    assert abs(np.mean(np.array(after_1) == 3) - 4 / 5) < 0.05


def test_seeding_states_the_squared_distance_each_was_drawn_at():
    x = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    rows, at = spread(euclidean(x), np.ones(300, np.float32), 7, 120, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 120
    assert rows[0] == 7
    apart = ((x[rows, None] - x[rows]) ** 2).sum(axis=2)
    assert np.isclose(at[0], ((x - x[7]) ** 2).sum(axis=1).max(), rtol=1e-4)
    assert np.allclose(at[1:], [apart[i, :i].min() for i in range(1, 120)], rtol=1e-3)


def test_seeding_ends_where_only_twins_are_left():
    x = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    rows, _ = spread(euclidean(x), np.ones(5, np.float32), 0, 5, np.random.default_rng(0))
    assert len(rows) == 2
    assert rows[1] in (2, 3, 4)
