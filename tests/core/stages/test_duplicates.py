"""The stage `duplicates`: near-duplicates asked once, and only those."""

import numpy as np
import pytest

from app.core.stages.duplicates import asked_once

NONE = np.empty((0, 2), np.float32)


def at(*degrees):
    """Unit vectors at these angles; 8.1° apart is a cosine of 0.99."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_a_copy_of_an_earlier_row_comes_behind_everything_else():
    found = asked_once(np.array([7, 3, 9, 1]), at(0, 90, 0, 45), NONE)
    assert found.order.tolist() == [7, 3, 1, 9]
    assert found.places.tolist() == [0, 1, 3, 2]
    assert found.moved.tolist() == [False, False, False, True]


def test_what_is_labelled_or_in_hands_is_not_asked_again_before_the_rest():
    found = asked_once(np.arange(3), at(0, 90, 45), at(2, 200))
    assert found.order.tolist() == [1, 2, 0]


def test_the_threshold_is_a_cosine():
    assert not asked_once(np.arange(2), at(0, 8.2), NONE).moved.any()
    assert asked_once(np.arange(2), at(0, 8.0), NONE).moved.tolist() == [False, True]
    assert asked_once(np.arange(2), at(0, 30), NONE, threshold=0.86).moved.tolist() == [False, True]


def test_a_chain_of_small_steps_is_not_one_item():
    found = asked_once(np.arange(4), at(0, 6, 12, 18), NONE)  # 6° is near, 12° is not
    assert found.order.tolist() == [0, 2, 1, 3]


def test_zero_vectors_equal_each_other_and_nothing_else():
    features = np.array([[0, 0], [1, 0], [0, 0], [1e-3, 0]], np.float32)
    found = asked_once(np.arange(4), features, NONE)
    assert found.order.tolist() == [0, 1, 3, 2]
    assert asked_once(np.arange(4), features, features[:1]).order.tolist() == [1, 3, 0, 2]


def test_rows_of_a_table_that_differ_in_size_only_are_two():
    found = asked_once(np.arange(3), np.array([[1, 1], [2, 2], [1.0001, 1]], np.float32), NONE)
    assert found.order.tolist() == [0, 1, 2]
    assert found.moved.tolist() == [False, False, True]


def test_a_queue_of_nothing_but_copies_keeps_its_first_and_its_order():
    found = asked_once(np.arange(5), np.ones((5, 3)), np.empty((0, 3)))
    assert found.order.tolist() == [0, 1, 2, 3, 4]
    assert found.moved.tolist() == [False, True, True, True, True]
    assert asked_once(np.arange(5), np.ones((5, 3)), np.ones((1, 3))).moved.all()
    assert asked_once(np.arange(0), np.empty((0, 3)), np.ones((1, 3))).order.tolist() == []


@pytest.mark.parametrize("dimensions", [5, 40, 200])
@pytest.mark.parametrize("threshold", [0.9, 0.99, 0.9999])
def test_the_sieve_loses_no_pair_that_a_comparison_of_all_pairs_finds(dimensions, threshold):
    rng = np.random.default_rng(dimensions)
    centres = rng.normal(size=(40, dimensions))
    noise = rng.choice([0, 0.01, 0.1, 0.4], size=(700, 1)) * rng.normal(size=(700, dimensions))
    x = (centres[rng.integers(40, size=700)] + noise).astype(np.float32)
    held, queue = x[:100], x[100:]
    expected = []
    for i in range(600):
        kept = [j for j in range(i) if not expected[j]]
        others = np.concatenate([held, queue[kept]]).astype(np.float64)
        apart = np.square(others - queue[i]).sum(axis=1)
        lengths = np.square(others).sum(axis=1) + np.square(queue[i].astype(np.float64)).sum()
        expected.append(bool((apart <= (1 - threshold) * lengths).any()))
    found = asked_once(np.arange(600), queue, held, threshold)
    assert 0 < sum(expected) < 600
    assert sorted(found.order[found.moved].tolist()) == np.flatnonzero(expected).tolist()


def test_features_must_be_of_the_rows():
    with pytest.raises(ValueError, match="of 3 rows"):
        asked_once(np.arange(3), at(0, 90), NONE)
    with pytest.raises(ValueError, match="held"):
        asked_once(np.arange(2), at(0, 90), np.ones((1, 3)))
