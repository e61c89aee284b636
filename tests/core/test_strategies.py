"""Every strategy keeps its contract, whatever the pool; margin and maxherding against what they must choose."""

import numpy as np
import pytest

from app.core import plugins
from app.core.data import Pool
from app.core.strategies import Strategy, best
from app.core.strategies.margin import Margin, uncertainty
from app.core.strategies.maxherding import Maxherding


@pytest.fixture(params=plugins.names("strategies"))
def strategy(request) -> Strategy:
    return plugins.make("strategies", {"name": request.param}, Strategy)


def pool(n, classes=3, units=1, held=0, seed=0):
    rng = np.random.default_rng(seed)
    return Pool(
        rng.normal(size=(n, 8)).astype(np.float32),
        rng.dirichlet(np.ones(classes), size=n * units),
        np.repeat(np.arange(n), units),
        rng.normal(size=(held, 8)).astype(np.float32),
    )


def duplicates(n):
    return Pool(np.ones((n, 8), np.float32), np.full((n, 2), 0.5), np.arange(n), np.ones((2, 8), np.float32))


POOLS = {
    "an ordinary pool": pool(50, held=5),
    "one item": pool(1),
    "no item": pool(0),
    "nothing but duplicates": duplicates(30),
    "one class": pool(20, classes=1),
    "77 classes": pool(40, classes=77),
    "several units an item": pool(25, classes=2, units=4),
}


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("share", [0.3, 1, 2])
def test_a_ranking_holds_distinct_rows_of_the_pool_best_first(strategy, name, share):
    given = POOLS[name]
    n = int(np.ceil(given.n * share))
    ranking = strategy.rank(given, n, np.random.default_rng(0))
    assert len(ranking.rows) == len(ranking.scores) == min(n, given.n)
    assert set(ranking.rows.tolist()) <= set(range(given.n))
    assert len(set(ranking.rows.tolist())) == len(ranking.rows)
    assert np.isfinite(ranking.scores).all()
    assert (np.diff(ranking.scores) <= 1e-9).all()


def test_the_same_seed_ranks_the_same(strategy):
    first, second = (strategy.rank(pool(50, held=3), 20, np.random.default_rng(5)) for _ in range(2))
    assert first.rows.tolist() == second.rows.tolist()
    assert first.scores.tolist() == second.scores.tolist()


def test_a_strategy_leaves_the_pool_as_it_was(strategy):
    given, same = pool(30, held=3), pool(30, held=3)
    strategy.rank(given, 10, np.random.default_rng(0))
    assert np.array_equal(given.features, same.features)
    assert np.array_equal(given.probabilities, same.probabilities)


def test_a_reason_is_a_short_text_for_every_task(strategy):
    for likely in ((), ("refund",), ("refund", "card lost")):
        for score in (0.0, 0.5, 1.0):
            assert 3 < len(strategy.reason(score, likely)) < 100


def test_a_strategy_without_a_model_ranks_a_pool_without_probabilities(strategy):
    if strategy.needs_model:
        pytest.skip("needs a model")
    given = Pool(pool(20).features, np.empty((0, 3)), np.empty(0, int), np.empty((0, 8)))
    assert len(strategy.rank(given, 20, np.random.default_rng(0)).rows) == 20


def test_margin_by_hand():
    p = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.9, 0.05, 0.05], [0.34, 0.33, 0.33]])
    assert np.allclose(uncertainty(p), [0.8, 1.0, 0.15, 0.99])
    ranking = Margin().rank(Pool(np.empty((4, 0)), p, np.arange(4), np.empty((0, 0))), 4, np.random.default_rng(0))
    assert ranking.rows.tolist() == [1, 3, 0, 2]
    assert np.allclose(ranking.scores, [1.0, 0.99, 0.8, 0.15])


def test_margin_of_a_yes_or_no_is_one_minus_the_distance_from_even():
    yes = np.array([0.1, 0.5, 0.8])
    assert np.allclose(uncertainty(np.stack([1 - yes, yes], axis=1)), 1 - np.abs(2 * yes - 1))


def test_margin_asks_the_most_doubtful_unit_of_an_item():
    yes = np.array([0.01, 0.5, 0.2, 0.2])
    given = Pool(np.empty((2, 0)), np.stack([1 - yes, yes], axis=1), np.array([0, 0, 1, 1]), np.empty((0, 0)))
    assert Margin().rank(given, 2, np.random.default_rng(0)).rows.tolist() == [0, 1]


def test_margin_names_the_classes_it_means():
    assert Margin().reason(0.9, ("refund", "card lost")) == "Model hesitates between refund and card lost"


def test_equal_scores_keep_the_order_of_rows():
    scores = np.array([0.5, 0.9, 0.5, 0.5, 0.9])
    assert best(scores, 3).rows.tolist() == [1, 4, 0]
    assert best(scores, 9).rows.tolist() == [1, 4, 0, 2, 3]
    assert best(scores, 0).rows.tolist() == []


def clusters(sizes, held=()):
    """Tight groups of points around orthogonal directions, and held points in some of them."""
    rng = np.random.default_rng(0)
    centres = np.eye(8)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    points = centres[groups] + 0.02 * rng.normal(size=(len(groups), 8))
    return groups, Pool(points, np.empty((0, 2)), np.empty(0, int), centres[list(held)])


def test_maxherding_asks_each_group_once_the_largest_first():
    groups, given = clusters([10, 40, 20])
    ranking = Maxherding().rank(given, 3, np.random.default_rng(0))
    assert groups[ranking.rows].tolist() == [1, 2, 0]


def test_maxherding_leaves_alone_what_is_labelled_or_in_hands():
    groups, given = clusters([10, 40, 20], held=[1])
    assert groups[Maxherding().rank(given, 2, np.random.default_rng(0)).rows].tolist() == [2, 0]


def test_maxherding_looking_at_few_items_still_drains_the_pool():
    strategy = Maxherding(anchors=5, candidates=10, chosen=3)
    assert sorted(strategy.rank(pool(50), 50, np.random.default_rng(0)).rows.tolist()) == list(range(50))


def test_maxherding_by_lazy_evaluation_chooses_what_plain_greed_does():
    given = pool(60)
    x = given.features - given.features.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    kernel = np.exp(-((x[:, None] - x) ** 2).sum(axis=2))
    cover, expected = np.zeros(60), []
    for _ in range(12):
        expected.append(int(np.maximum(kernel - cover, 0).mean(axis=1).argmax()))
        cover = np.maximum(cover, kernel[expected[-1]])
    assert Maxherding().rank(given, 12, np.random.default_rng(0)).rows.tolist() == expected
