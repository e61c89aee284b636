"""coreset chooses lazily what plain greedy chooses, and never the twin of anything."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies import _distances
from app.core.strategies.coreset import Coreset


def rank(x, held, n, seed=0, **settings):
    x = np.array(x, np.float32)
    pool = Pool(x, np.empty((0, 2)), np.empty(0, int), np.array(held, np.float32).reshape(-1, x.shape[1]))
    return Coreset(**settings).rank(pool, n, np.random.default_rng(seed))


def plain(x, held, n):
    """k-center greedy as it is written, in float64."""
    x, rows = x.astype(float), []
    if len(held):
        nearest = ((x[:, None] - held) ** 2).sum(axis=2).min(axis=1)
    else:
        rows = [int(((x - x.mean(axis=0)) ** 2).sum(axis=1).argmin())]
        nearest = ((x - x[rows[0]]) ** 2).sum(axis=1)
    while len(rows) < n:
        rows.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((x - x[rows[-1]]) ** 2).sum(axis=1))
    return rows, nearest


def test_the_farthest_from_what_is_held_comes_first():
    """Held: 0. Then 10, then 4, whose nearest is 0 (9's is 10), then 9 and 1, whose nearest are each 1 away."""
    ranking = rank([[1], [4], [9], [10]], [[0]], 4)
    assert ranking.rows.tolist() == [3, 1, 0, 2]
    assert np.allclose(ranking.scores, [10, 4, 1, 1])


def test_with_nothing_held_it_begins_in_the_middle():
    """The mean is 4.5: 5 first, then 10 at 5 from it (0 as well, but later), then 0, then 3."""
    ranking = rank([[10], [5], [0], [3]], [], 4)
    assert ranking.rows.tolist() == [1, 0, 2, 3]
    assert np.allclose(ranking.scores, [5, 5, 5, 2])


@pytest.mark.parametrize("held", [0, 3, 200])
@pytest.mark.parametrize("d", [2, 24])
def test_lazy_greed_chooses_what_plain_greed_does(held, d):
    rng = np.random.default_rng(held + d)
    x, h = rng.normal(size=(1500, d)).astype(np.float32), rng.normal(size=(held, d)).astype(np.float32)
    assert rank(x, h, 80).rows.tolist() == plain(x, h, 80)[0]


def test_looking_in_blocks_chooses_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(1500, 8)).astype(np.float32), rng.normal(size=(100, 8)).astype(np.float32)
    monkeypatch.setattr(_distances, "BLOCK", 6_400)  # 64 rows and the 100 held: the 65th is in a block of its own
    assert rank(x, h, 40).rows.tolist() == plain(x, h, 40)[0]


def test_the_order_of_what_is_held_does_not_matter():
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(400, 8)), rng.normal(size=(150, 8))
    assert rank(x, h, 30, seed=1).rows.tolist() == rank(x, h[::-1], 30, seed=2).rows.tolist()


def test_a_twin_of_what_is_held_or_chosen_is_not_asked_while_others_are_left():
    x = np.repeat(np.random.default_rng(0).normal(size=(40, 6)), 30, axis=0)
    ranking = rank(x, x[:30], 39)
    assert sorted((ranking.rows // 30).tolist()) == list(range(1, 40))
    assert rank(x, x[:30], 1200).scores[39:].tolist() == [0] * 1161


def test_after_those_chosen_one_by_one_the_rest_come_by_distance():
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(300, 4)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    ranking = rank(x, h, 300, chosen=20)
    rows, nearest = plain(x, h, 20)
    nearest[rows] = -1
    assert ranking.rows.tolist() == rows + np.argsort(-nearest, kind="stable")[:280].tolist()
    assert np.allclose(ranking.scores[20:], np.sqrt(np.sort(nearest)[:19:-1]), atol=1e-5)


def test_a_reason_says_what_it_resembles():
    assert str(Coreset().reason(1.0, ())) == "Unlike anything labelled yet"
    assert str(Coreset().reason(0.0, ())) == "Resembles items asked before"
