"""The stage `scope`: what is foreign waits, once people said what is; before that only what is strange to all."""

import numpy as np
import pytest

from app.core.stages.scope import foreignness, leave_out, strangers

NONE = np.empty((0, 8), np.float32)


@pytest.fixture
def crowd():
    """300 items of the project in two groups, 60 foreign ones in a third."""
    rng = np.random.default_rng(0)
    centres = 2 * np.eye(8)[:3]
    group = np.repeat([0, 1, 2], [150, 150, 60])
    return (centres[group] + 0.4 * rng.normal(size=(360, 8))).astype(np.float32), group == 2


def left_out(x, foreign, inside, sample=NONE):
    return leave_out(np.arange(len(x)), x, foreign, inside, sample, np.random.default_rng(0))


@pytest.mark.parametrize("told", [3, 10, 60])
def test_once_three_are_called_foreign_their_like_comes_behind_and_nothing_is_lost(crowd, told):
    x, is_foreign = crowd
    found = left_out(x, x[is_foreign][:told], x[100:200])
    assert sorted(found.order.tolist()) == list(range(360))
    behind = found.order[found.moved]
    assert is_foreign[behind].sum() >= 55
    assert (~is_foreign[behind]).sum() <= 5
    assert found.order.tolist() == [*np.setdiff1d(np.arange(360), behind), *sorted(behind)]


@pytest.mark.parametrize("told", [0, 1, 2])
def test_with_fewer_the_model_does_not_judge(crowd, told):
    x, is_foreign = crowd
    sample = x[::2]
    assert is_foreign[left_out(x, x[is_foreign][:told], x[100:200], sample).moved].sum() < 5
    assert left_out(x, x[is_foreign], NONE, sample).moved.sum() < 10  # nor where nobody answered anything yet


def test_foreign_items_are_few_among_the_labels_and_count_as_much_as_the_others(crowd):
    x, is_foreign = crowd
    p = foreignness(x, x[is_foreign][:3], x[:300], np.random.default_rng(0))
    assert np.median(p[is_foreign]) > 0.6 > 0.4 > np.median(p[~is_foreign])


def test_a_single_stranger_is_found_before_anybody_called_one_so(crowd):
    x, is_foreign = crowd
    queue = np.concatenate([x[:20], np.full((2, 8), 3, np.float32)])
    found = left_out(queue, NONE, NONE, x[~is_foreign])
    assert found.order[found.moved].tolist() == [20, 21]


def test_of_a_pool_without_strangers_at_most_a_fiftieth_is_left_out():
    shares = []
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=(1000, 8)).astype(np.float32)
        shares.append(strangers(x, x[:500]).mean())
    assert max(shares) < 0.03
    assert np.mean(shares) <= 0.02


def test_a_pool_of_copies_and_a_sample_too_small_to_judge_leave_all_where_it_was():
    x = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    copies = np.concatenate([np.ones((70, 8), np.float32), x])
    assert not strangers(copies, copies).any()
    assert not strangers(x, x).any()
    assert strangers(x[:0], copies).tolist() == []


def test_many_inside_are_sampled_and_features_must_be_of_the_rows(crowd):
    x, is_foreign = crowd
    many = np.repeat(x[:300], 10, axis=0)
    first, second = (foreignness(x, x[is_foreign], many, np.random.default_rng(1)) for _ in range(2))
    assert (first == second).all()
    with pytest.raises(ValueError, match="of 5 rows"):
        leave_out(np.arange(5), x, x[:3], x[:3], x, np.random.default_rng(0))


@pytest.mark.parametrize("size", [60, 128, 400])
def test_strangers_are_those_whose_tenth_nearest_of_the_sample_is_far(size):
    """Against the definition, with a sort: the 98 % quantile of the sample's own distances, or three deviations."""
    x = np.random.default_rng(size).standard_t(2, size=(900, 5)).astype(np.float32)
    sample = x[:size]
    r = np.sort(np.linalg.norm(x[:, None] - sample, axis=2), axis=1)
    usual = r[:size, 10]  # a row of the sample is its own nearest
    spread = 1.4826 * np.median(np.abs(usual - np.median(usual)))
    border = max(np.quantile(usual, 0.98), np.median(usual) + 3 * spread)
    assert 0 < (r[:, 9] > border).sum() < 900
    assert strangers(x, sample).tolist() == (r[:, 9] > border).tolist()
