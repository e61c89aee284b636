"""Cuts: how items fall into pieces, and what is said of pieces comes back to items."""

import numpy as np
import pytest

from app.core import data
from app.core.cuts import Cuts
from app.core.data import ArrayFeatures, ShardedFeatures, cuts_array, cuts_of, cuts_path, of_items, some_of

# Three items of two, no and three pieces.
OFFSETS = np.array([0, 2, 2, 5])
BOUNDS = np.array([[0, 1], [2, 4], [0, 3], [3, 4], [5, 9]], np.int32)
CUTS = Cuts(3, OFFSETS, BOUNDS)
VALUES = np.array([1.0, 3.0, 2.0, 4.0, 6.0], np.float32)


def test_pieces_of_items_by_hand():
    assert CUTS.of(np.array([2, 0])).tolist() == [2, 3, 4, 0, 1]
    assert CUTS.of(np.array([1, 1])).tolist() == []
    assert CUTS.owner.tolist() == [0, 0, 2, 2, 2]
    assert CUTS.part(2) == slice(2, 5)
    some = CUTS.some(np.array([2, 1]))
    assert some.offsets.tolist() == [0, 3, 3]
    assert some.bounds.tolist() == BOUNDS[2:].tolist()


def test_what_is_said_of_pieces_comes_back_to_items():
    assert CUTS.means(VALUES).tolist() == [2, 0, 4]
    assert CUTS.means(np.stack([VALUES, -VALUES], axis=1)).tolist() == [[2, -2], [0, 0], [4, -4]]
    assert CUTS.highest(VALUES).tolist() == [3, 0, 6]
    assert CUTS.all(np.array([True, False, True, True, True])).tolist() == [False, True, True]


def test_whole_items_are_their_own_pieces():
    whole = Cuts(4)
    assert whole.is_whole
    assert whole.pieces == 4
    assert whole.of(np.array([3, 1])).tolist() == [3, 1]
    assert whole.means(VALUES) is VALUES
    assert whole.some(np.array([3, 1])).rows == 2
    assert not CUTS.is_whole


def test_offsets_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Cuts(3, np.array([0, 2]), BOUNDS)
    with pytest.raises(ValueError, match="do not fit"):
        Cuts(3, OFFSETS, BOUNDS[:4])


def test_features_of_words_lie_in_shards_with_their_cuts_beside(tmp_path, monkeypatch):
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    shards = []
    for start, end in ((0, 2), (2, 3)):
        part = some_of(ArrayFeatures(x, CUTS), np.arange(start, end))
        path = tmp_path / f"{start:09d}-{end:09d}.npy"
        np.save(path, part.array)
        np.save(cuts_path(path), cuts_array(part.cuts))
        shards.append((start, end, path))
    read = ShardedFeatures(shards)
    assert (read.rows, read.dimensions, read.cuts.pieces) == (3, 2, 5)
    assert read.cuts.offsets.tolist() == OFFSETS.tolist()
    assert read.cuts.bounds.tolist() == BOUNDS.tolist()
    assert read.take(np.array([4, 1])).tolist() == [[8, 9], [2, 3]]
    assert [(start, len(block)) for start, block in read.shards()] == [(0, 2), (2, 3)]
    assert of_items(read, np.array([2, 0, 1])).tolist() == [[6, 7], [1, 2], [0, 0]]
    monkeypatch.setattr(data, "BLOCK_ROWS", 1)  # pieces that are read at a time; an item is never read in parts
    assert of_items(read, np.array([2, 0, 1])).tolist() == [[6, 7], [1, 2], [0, 0]]
    assert of_items(read, np.array([], int)).shape == (0, 2)
    squares = of_items(read, np.array([2, 0]), np.square)
    assert np.allclose(squares, [[(16 + 36 + 64) / 3, (25 + 49 + 81) / 3], [2, 5]])
    again = cuts_of(cuts_array(CUTS), 3)
    assert again.offsets.tolist() == OFFSETS.tolist()


def test_a_shard_with_other_rows_than_its_cuts_say_is_refused(tmp_path):
    path = tmp_path / "000000000-000000003.npy"
    np.save(cuts_path(path), cuts_array(CUTS))
    np.save(path, np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match="holds"):
        ShardedFeatures([(0, 3, path)])
