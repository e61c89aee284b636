"""Features on disk read as those in memory do."""

from pathlib import Path

import numpy as np
import pytest

from app.core.data import ArrayFeatures, Pool, ShardedFeatures


@pytest.fixture
def sharded(tmp_path: Path) -> tuple[np.ndarray, ShardedFeatures]:
    whole = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    shards = []
    for start, end in ((0, 4), (4, 5), (5, 10)):
        path = tmp_path / f"{start}.npy"
        np.save(path, whole[start:end])
        shards.append((start, end, path))
    return whole, ShardedFeatures(shards)


def test_shards_follow_each_other_and_hold_every_row(sharded):
    whole, features = sharded
    assert (features.rows, features.dimensions) == (10, 3)
    blocks = list(features.shards())
    assert [start for start, _ in blocks] == [0, 4, 5]
    assert np.array_equal(np.concatenate([block for _, block in blocks]), whole)


def test_rows_are_taken_in_the_order_asked_for(sharded):
    whole, features = sharded
    rows = np.array([9, 0, 4, 4, 3])
    assert np.array_equal(features.take(rows), whole[rows])
    assert np.array_equal(ArrayFeatures(whole).take(rows), whole[rows])
    assert features.take(np.empty(0, int)).shape == (0, 3)


def test_a_row_that_is_not_encoded_is_refused(sharded):
    with pytest.raises(IndexError):
        sharded[1].take(np.array([10]))


def test_a_gap_between_shards_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="without gaps"):
        ShardedFeatures([(1, 3, tmp_path / "a.npy")])


def test_a_project_without_features_has_no_rows():
    features = ShardedFeatures([])
    assert (features.rows, features.dimensions, list(features.shards())) == (0, 0, [])


def test_an_item_scores_as_its_highest_unit():
    pool = Pool(np.zeros((2, 1)), np.full((3, 2), 0.5), np.array([1, 0, 1]), np.empty((0, 1)))
    assert pool.per_item(np.array([0.1, 0.2, 0.3])).tolist() == [0.2, 0.3]


@pytest.mark.parametrize("name", ["features", "probabilities", "held"])
def test_what_is_not_a_number_is_refused(name):
    parts = {"features": np.zeros((1, 1)), "probabilities": np.ones((1, 1)), "held": np.zeros((1, 1))}
    parts[name] = np.full((1, 1), np.nan)
    with pytest.raises(ValueError, match=name):
        Pool(owner=np.zeros(1, int), **parts)
