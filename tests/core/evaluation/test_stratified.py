import numpy as np
import pytest

from app.core.evaluation import post_stratified, wilson


def test_one_stratum_is_the_plain_share_with_wilsons_interval() -> None:
    right = np.array([True] * 8 + [False] * 2)
    confidence = np.full(10, 0.5)
    estimate, low, high = post_stratified(right, confidence, np.full(100, 0.5))
    assert estimate == pytest.approx(0.8)
    assert (low, high) == pytest.approx(wilson(8, 10))


def test_strata_are_weighted_by_the_pool() -> None:
    # Half of the sample is unsure and wrong half of the time; of the pool, only a tenth is unsure.
    right = np.array([True, False] * 15 + [True] * 30)
    confidence = np.array([0.3] * 30 + [0.9] * 30)
    pool = np.array([0.3] * 10 + [0.9] * 90)
    estimate, low, high = post_stratified(right, confidence, pool)
    unsure, sure = (15 + 0.75) / 31, (30 + 0.75) / 31
    assert estimate == pytest.approx(0.1 * unsure + 0.9 * sure)
    assert low < estimate < high


def test_strata_never_make_the_interval_narrower_than_a_plain_sample_of_as_many() -> None:
    right = np.arange(60) >= 30  # confidence tells right from wrong without fail
    estimate, low, high = post_stratified(right, np.arange(60) / 60, np.arange(600) / 600)
    assert estimate == pytest.approx(0.5, abs=0.01)
    assert (low, high) == pytest.approx(wilson(60 * estimate, 60))


def test_intervals_hold_as_often_as_they_say_where_confidence_explains_the_bias() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        pool = rng.beta(4, 1, 5000)  # calibrated confidence
        truth = rng.random(5000) < pool
        weights = 1.3 - pool  # the sample leans to the unsure side
        sample = rng.choice(5000, 120, replace=False, p=weights / weights.sum())
        _, low, high = post_stratified(truth[sample], pool[sample], pool)
        held += bool(low <= truth.mean() <= high)
    assert held / 400 > 0.92


def test_certain_samples_keep_an_interval() -> None:
    estimate, low, high = post_stratified(np.ones(40, bool), np.linspace(0.5, 1, 40), np.linspace(0.5, 1, 500))
    assert estimate == pytest.approx(1.0)
    assert low < 0.95
    assert high == pytest.approx(1.0)
