"""`power`: drawn in proportion to a score, with the exact probability of every draw."""

from itertools import permutations

import numpy as np
import pytest

from app.core import plugins
from app.core.data import Pool
from app.core.strategies import Strategy
from app.core.strategies.power import Power

SCORES = np.array([0.6, 0.3, 0.1])


def given(scores):
    """A pool of yes-or-no items with these scores by margin."""
    yes = np.array(scores) / 2
    return Pool(np.empty((len(yes), 0)), np.stack([1 - yes, yes], axis=1), np.arange(len(yes)), np.empty((0, 0)))


def orders(strategy, pool, draws):
    """How often each order came, and the product of its propensities."""
    found: dict[tuple[int, ...], list[float]] = {}
    for seed in range(draws):
        ranking = strategy.rank(pool, pool.n, np.random.default_rng(seed))
        counted = found.setdefault(tuple(ranking.rows.tolist()), [0, float(np.prod(ranking.propensities))])
        counted[0] += 1
    return found


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_each_order_comes_as_often_as_draws_without_replacement_bring_it(beta):
    found = orders(Power(beta=beta), given(SCORES), 1500)
    weights = SCORES**beta
    for order in permutations(range(3)):
        left = weights[list(order)][::-1].cumsum()[::-1]
        expected = float(np.prod(weights[list(order)] / left))
        came, told = found[order]
        assert told == pytest.approx(expected)
        assert abs(came / 1500 - expected) < 4 * np.sqrt(expected * (1 - expected) / 1500)


def test_a_high_beta_is_the_strategy_itself_and_its_draws_are_certain():
    scores = np.random.default_rng(0).random(50)
    ranking = Power(beta=1e6).rank(given(scores), 10, np.random.default_rng(0))
    assert ranking.rows.tolist() == np.argsort(-scores)[:10].tolist()
    assert np.allclose(ranking.propensities, 1)


def test_the_propensity_of_a_few_of_many_counts_those_that_were_not_drawn():
    scores = np.random.default_rng(0).random(500)
    ranking = Power().rank(given(scores), 5, np.random.default_rng(0))
    left = scores.sum() - np.append(0, scores[ranking.rows].cumsum()[:-1])
    assert np.allclose(ranking.propensities, scores[ranking.rows] / left)


def test_items_without_any_doubt_can_be_drawn_and_come_after_the_others():
    ranking = Power().rank(given([0, 0.5, 0, 0.9]), 4, np.random.default_rng(0))
    assert set(ranking.rows[:2].tolist()) == {1, 3}
    assert np.allclose(ranking.propensities[2:], [1 / 2, 1])


def test_power_reads_what_its_score_reads_and_nothing_more():
    assert (Power().needs_samples, Power().needs_features, Power().needs_model) == (0, False, True)
    assert Power(score="bald").needs_samples == 20


def test_power_over_bald_draws_what_draws_of_the_model_contradict_each_other_about():
    disputed = np.arange(100) < 20
    samples = np.full((2, 100, 2), 0.5)
    samples[0, disputed] = [0.95, 0.05]
    samples[1, disputed] = [0.05, 0.95]
    pool = Pool(np.empty((100, 0)), samples.mean(axis=0), np.arange(100), np.empty((0, 0)), samples=samples)
    ranking = Power(score="bald").rank(pool, 10, np.random.default_rng(0))
    assert disputed[ranking.rows].all()
    assert ranking.propensities[0] == pytest.approx(1 / 20, rel=1e-6)


@pytest.mark.parametrize("score", ["maxherding", "random", "power", "eps_mix", "falcun"])
def test_what_gives_no_score_of_an_item_alone_is_refused(score):
    with pytest.raises(plugins.UnknownPlugin, match=f"{score} gives no score"):
        plugins.make("strategies", {"name": "power", "score": score}, Strategy)


def test_unknown_scores_and_a_beta_that_turns_the_order_round_are_refused():
    with pytest.raises(plugins.UnknownPlugin, match="it has auto"):
        Power(score="margins")
    with pytest.raises(ValueError, match="beta"):
        Power(beta=-1.0)
