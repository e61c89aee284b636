"""Every strategy keeps its contract, whatever the pool, and does better than chance at something; one file each under
`strategies` holds what a strategy must choose, worked out by hand.
"""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from app.core import plugins
from app.core.data import Pool
from app.core.strategies import Strategy, best
from app.core.strategies.margin import uncertainty

DIMENSIONS, DRAWS = 8, 20
FACTS = {one.name: one.facts for one in plugins.describe("strategies")}
READ_MORE = [name for name, facts in FACTS.items() if facts.get("needs_samples") or facts.get("needs_head")]


@pytest.fixture(params=plugins.names("strategies"))
def strategy(request) -> Strategy:
    return plugins.make("strategies", {"name": request.param}, Strategy)


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def yes_or_no(logits):
    """Each logit as a unit of its own, [..., r, K] as [..., r·K, 2]."""
    yes = 1 / (1 + np.exp(-logits.reshape(*logits.shape[:-2], -1)))
    return np.stack([1 - yes, yes], axis=-1)


def by_model(features, inputs, owner, head, held, outcomes, reducer="max"):
    """A pool of which everything fits together: the probabilities are the head's, and the draws are heads near it."""
    heads = head + 0.5 * np.random.default_rng(1).normal(size=(DRAWS, *head.shape))
    p, samples = (outcomes(inputs @ w[..., :-1, :] + w[..., -1:, :]) for w in (head, heads))
    arrays = [np.asarray(a, np.float32) for a in (features, p, held, samples, head, inputs)]
    return Pool(arrays[0], arrays[1], owner, *arrays[2:], reducer=reducer)


def pool(n, classes=3, held=0, seed=0):
    rng = np.random.default_rng(seed)
    x, head = rng.normal(size=(n, DIMENSIONS)), rng.normal(size=(DIMENSIONS + 1, classes))
    return by_model(x, x, np.arange(n), head, rng.normal(size=(held, DIMENSIONS)), softmax)


def several_classes(n, classes, reducer):
    rng = np.random.default_rng(0)
    x, head = rng.normal(size=(n, DIMENSIONS)), rng.normal(size=(DIMENSIONS + 1, classes))
    return by_model(x, x, np.repeat(np.arange(n), classes), head, x[:2] + 1, yes_or_no, reducer)


def sequences(n, classes, reducer):
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(n), rng.integers(1, 6, n))
    words, head = rng.normal(size=(len(owner), DIMENSIONS)), rng.normal(size=(DIMENSIONS + 1, classes))
    means = np.stack([words[owner == row].mean(axis=0) for row in range(n)])
    return by_model(means, words, owner, head, means[:2] + 1, softmax, reducer)


def duplicates(n):
    x = np.ones((n, DIMENSIONS))
    return by_model(x, x, np.arange(n), np.eye(DIMENSIONS + 1, 3), x[:2], softmax)


POOLS = {
    "an ordinary pool": pool(50, held=5),
    "one item": pool(1),
    "no item": pool(0),
    "nothing but duplicates": duplicates(30),
    "one class": pool(20, classes=1),
    "two classes": pool(20, classes=2, held=1),
    "77 classes": pool(40, classes=77),
    "1,000 classes": pool(25, classes=1000, held=3),
    "several classes, by the highest": several_classes(25, 4, "max"),
    "several classes, by the mean": several_classes(25, 4, "mean"),
    "sequences, by the highest": sequences(25, 5, "max"),
    "sequences, by the mean": sequences(25, 5, "mean"),
}


def seen(strategy, given):
    """The pool with nothing in it that the strategy does not say it needs, as a round gives it."""
    none = np.empty((given.n, 0), np.float32)
    if not strategy.needs_features:
        given = replace(given, features=none, held=np.empty((0, 0), np.float32))
    if not strategy.needs_model:
        given = replace(given, probabilities=given.probabilities[:0], owner=given.owner[:0])
    if not strategy.needs_samples:
        given = replace(given, samples=None)
    if not strategy.needs_head:
        given = replace(given, head=None, inputs=None)
    return given


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("share", [0.3, 1, 2])
def test_a_ranking_holds_distinct_rows_of_the_pool_best_first(strategy, name, share):
    given = seen(strategy, POOLS[name])
    n = int(np.ceil(given.n * share))
    ranking = strategy.rank(given, n, np.random.default_rng(0))
    assert len(ranking.rows) == len(ranking.scores) == min(n, given.n)
    assert set(ranking.rows.tolist()) <= set(range(given.n))
    assert len(set(ranking.rows.tolist())) == len(ranking.rows)
    assert np.isfinite(ranking.scores).all()
    assert (np.diff(ranking.scores) <= 1e-9).all()
    if ranking.propensities is not None:
        assert len(ranking.propensities) == len(ranking.rows)
        assert ((ranking.propensities > 0) & (ranking.propensities <= 1 + 1e-12)).all()
        if 0 < given.n <= n:
            assert ranking.propensities[-1] == pytest.approx(1)  # one row was left


@pytest.mark.parametrize("name", POOLS)
def test_the_same_seed_ranks_the_same(strategy, name):
    given = seen(strategy, POOLS[name])
    first, second = (strategy.rank(given, given.n, np.random.default_rng(5)) for _ in range(2))
    assert first.rows.tolist() == second.rows.tolist()
    assert first.scores.tolist() == second.scores.tolist()


def test_a_strategy_leaves_the_pool_as_it_was(strategy):
    given, same = pool(30, held=3), pool(30, held=3)
    strategy.rank(given, 10, np.random.default_rng(0))
    for field in fields(Pool):
        assert np.array_equal(getattr(given, field.name), getattr(same, field.name)), field.name


@pytest.mark.parametrize("name", ["features", "probabilities", "held", "samples", "head", "inputs"])
def test_what_is_not_a_number_never_reaches_a_strategy(name):
    given = pool(5, held=2)
    broken = getattr(given, name).copy()
    broken.flat[3] = np.nan
    with pytest.raises(ValueError, match=f"{name} must be finite"):
        replace(given, **{name: broken})


def test_a_reason_is_a_short_text_for_every_task(strategy):
    for likely in ((), ("refund",), ("refund", "card lost")):
        for score in (0.0, 0.5, 1.0):
            assert 3 < len(str(strategy.reason(score, likely))) < 100


@pytest.mark.parametrize("name", READ_MORE)
def test_a_strategy_that_reads_draws_or_the_last_layer_says_so_where_there_are_none(name):
    given = replace(pool(20), samples=None, head=None, inputs=None)
    with pytest.raises(ValueError, match=r"needs|samples|draws|head|last layer"):
        plugins.make("strategies", {"name": name}, Strategy).rank(given, 5, np.random.default_rng(0))


def test_equal_scores_keep_the_order_of_rows():
    scores = np.array([0.5, 0.9, 0.5, 0.5, 0.9])
    assert best(scores, 3).rows.tolist() == [1, 4, 0]
    assert best(scores, 9).rows.tolist() == [1, 4, 0, 2, 3]
    assert best(scores, 0).rows.tolist() == []


def test_an_item_without_units_comes_last_with_a_score_that_can_be_stored():
    ranking = best(np.array([-np.inf, 0.2, -np.inf, 0.9]), 4)
    assert ranking.rows.tolist() == [3, 1, 0, 2]
    assert ranking.scores.tolist() == [0.9, 0.2, 0.2, 0.2]
    assert best(np.array([-np.inf]), 1).scores.tolist() == [0.0]


def towns():
    """A pool with much that is plain and little that is not: three large groups far from each other, a small one
    between two of them, a few strangers; most held items lie in the first group.
    """
    rng = np.random.default_rng(4)
    centres = np.array([[4.0, 0, 0, 0], [-4, 0, 0, 0], [0, 5, 0, 0], [0.8, 2, 0, 0], [0, 0, 9, 0]])
    group = np.repeat(np.arange(5), [180, 120, 60, 30, 10])
    x = np.zeros((400, DIMENSIONS))
    x[:, :4] = centres[group]
    x += 0.8 * rng.normal(size=x.shape)
    head = np.zeros((DIMENSIONS + 1, 3))  # of two Gaussians with equal spread the log odds are linear
    head[:4] = centres[:3].T
    head[-1] = -(centres[:3] ** 2).sum(axis=1) / 2
    order = rng.permutation(400)
    held = order[group[order] == 0][:6].tolist() + order[group[order] == 1][:1].tolist()
    rest = np.setdiff1d(order, held)
    return by_model(x[rest], x[rest], np.arange(len(rest)), head, x[held], softmax)


TOWNS, ASKED = towns(), 20


def merits(rows):
    """What a choice may be good at: its doubt; how near the pool is to it, on average and at the furthest."""
    known = np.concatenate([TOWNS.features[rows], TOWNS.held])
    nearest = np.linalg.norm(TOWNS.features[:, None] - known, axis=2).min(axis=1)
    return np.array([uncertainty(TOWNS.probabilities[rows]).mean(), -nearest.mean(), -nearest.max()])


@cache
def chance():
    """The best that 300 random choices came to, in each merit."""
    return np.max([merits(np.random.default_rng(seed).permutation(TOWNS.n)[:ASKED]) for seed in range(300)], axis=0)


def beats_chance(choose):
    """Whether some merit, on average over five seeds, is beyond that of every random choice."""
    return bool((np.mean([merits(choose(np.random.default_rng(seed))) for seed in range(5)], axis=0) > chance()).any())


def test_a_strategy_is_not_random_by_accident(strategy):
    if strategy.name == "cluster_margin":  # ten doubtful items for each one asked are half of so small a pool
        strategy = replace(strategy, doubtful=2.0)
    given = seen(strategy, TOWNS)
    chosen = beats_chance(lambda rng: strategy.rank(given, ASKED, rng).rows)
    assert chosen == (strategy.name != "random")


def test_a_strategy_that_asks_what_the_model_is_sure_of_would_be_found_out():
    assert not beats_chance(lambda rng: np.argsort(uncertainty(TOWNS.probabilities), kind="stable")[:ASKED])
