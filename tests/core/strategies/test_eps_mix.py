"""`eps_mix`: the base's order with random rows strewn in, with the exact probability of every place."""

from itertools import permutations

import numpy as np
import pytest

from app.core import plugins
from app.core.data import Pool
from app.core.strategies import Situation, Strategy
from app.core.strategies.eps_mix import EpsMix


def given(n):
    """A pool of yes-or-no items that margin asks in the order of their rows."""
    yes = np.linspace(0.5, 0.1, n)
    return Pool(np.empty((n, 0)), np.stack([1 - yes, yes], axis=1), np.arange(n), np.empty((0, 0)))


def test_each_order_comes_as_often_as_its_propensities_say():
    found: dict[tuple[int, ...], list[float]] = {}
    for seed in range(1500):
        ranking = EpsMix(epsilon=0.3).rank(given(3), 3, np.random.default_rng(seed))
        counted = found.setdefault(tuple(ranking.rows.tolist()), [0, float(np.prod(ranking.propensities))])
        counted[0] += 1
    assert set(found) == set(permutations(range(3)))
    assert sum(told for _, told in found.values()) == pytest.approx(1)
    assert found[0, 1, 2][1] == pytest.approx((0.7 + 0.1) * (0.7 + 0.15) * 1)
    assert found[2, 0, 1][1] == pytest.approx(0.1 * (0.7 + 0.15) * 1)
    for came, told in found.values():
        assert abs(came / 1500 - told) < 4 * np.sqrt(told * (1 - told) / 1500)


def test_without_epsilon_it_is_its_base_and_with_all_of_it_a_permutation():
    nothing = EpsMix(epsilon=0.0).rank(given(20), 8, np.random.default_rng(0))
    assert nothing.rows.tolist() == list(range(8))
    assert nothing.propensities.tolist() == [1.0] * 8
    everything = EpsMix(epsilon=1.0).rank(given(20), 20, np.random.default_rng(0))
    assert everything.rows.tolist() != list(range(20))
    assert np.allclose(everything.propensities, 1 / np.arange(20, 0, -1))


def test_a_share_of_epsilon_of_the_places_is_random():
    ranking = EpsMix(epsilon=0.2).rank(given(10_000), 1000, np.random.default_rng(0))
    by_lot = ranking.propensities < 0.5
    assert 160 < by_lot.sum() < 240
    assert ranking.rows[by_lot].mean() == pytest.approx(5000, abs=600)
    assert np.diff(ranking.rows[~by_lot]).min() > 0  # the base's, in its order


def test_eps_mix_reads_what_its_base_reads():
    mixed = EpsMix(base="bald")
    assert (mixed.needs_samples, mixed.needs_features, mixed.needs_model) == (20, False, True)
    assert (EpsMix(base="maxherding").needs_model, EpsMix(base="maxherding").needs_features) == (False, True)


@pytest.mark.parametrize("base", [name for name in plugins.names("strategies") if name != "eps_mix"])
@pytest.mark.parametrize("cold", [True, False])
def test_eps_mix_gives_way_as_its_base_does(base, cold):
    situation = Situation(labels=5 if cold else 500, classes=3, has_model=True, is_cold=cold)
    expected = plugins.make("strategies", {"name": base}, Strategy).at(situation).name
    mixed = EpsMix(base=base, epsilon=0.3).at(situation)
    assert isinstance(mixed, EpsMix)
    assert (mixed.base, mixed.epsilon) == (expected, 0.3)


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(plugins.UnknownPlugin, match="itself"):
        EpsMix(base="eps_mix")
    with pytest.raises(plugins.UnknownPlugin, match="it has auto"):
        EpsMix(base="nothing")
    with pytest.raises(ValueError, match="share"):
        EpsMix(epsilon=1.5)


def test_the_reason_is_the_bases_and_says_that_it_may_have_been_chance():
    assert str(EpsMix().reason(0.9, ("refund", "lost"))) == "Model hesitates between refund and lost, or by lot"
