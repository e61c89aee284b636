"""The least disagree metric against what can be counted by hand and against its definition, written out."""

import numpy as np
import pytest

from app.core.data import Pool
from app.core.strategies import _disagreement
from app.core.strategies._disagreement import _flips, _least, flippable
from app.core.strategies.ldm import Ldm
from app.core.strategies.ldm_s import LdmS, _angles, weights


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def exclusive(x, head):
    x, head = np.array(x, np.float32), np.array(head, np.float32)
    p = softmax(x @ head[:-1] + head[-1])
    return Pool(x, p, np.arange(len(x)), np.empty((0, x.shape[1])), head=head, inputs=x)


def questions(x, head, reducer="max"):
    x, head = np.array(x, np.float32), np.array(head, np.float32)
    yes = 1 / (1 + np.exp(-(x @ head[:-1] + head[-1]).ravel()))
    owner = np.repeat(np.arange(len(x)), head.shape[1])
    none = np.empty((0, x.shape[1]))
    return Pool(x, np.stack([1 - yes, yes], 1), owner, none, head=head, inputs=x, reducer=reducer)


# Two classes told apart at 0 on a line.
LINE = [[-3], [-0.1], [0.2], [0.3], [0.4], [1]]
AT_0 = [[-1, 1], [0, 0]]


def ldm(pool, draws=400):
    looked = flippable(pool, pool.n, draws, np.random.default_rng(0))
    return looked.ldm[np.argsort(looked.rows)]


def test_the_strength_of_noise_at_which_an_answer_flips_by_hand():
    """The best class is 1 ahead of the second, which gains 2 by the noise; 4 ahead of the third, which gains 3."""
    assert _flips(np.array([[4.0, 3, 0]]), True)(np.array([[0.0, 2, 3]])).tolist() == [[2]]
    assert _flips(np.array([[2.0, -1]]), False)(np.array([[-1.0, 3]])).tolist() == [[0.5, 3]]


def test_what_noise_only_confirms_never_flips():
    assert _flips(np.array([[4.0, 3, 0]]), True)(np.array([[5.0, 2, 3]])).tolist() == [[0]]
    assert _flips(np.array([[2.0, -1]]), False)(np.array([[1.0, -3]])).max() < 0


def test_ldm_on_a_line_is_the_least_share_of_the_pool_that_must_flip_too():
    """0.4 cannot flip without 0.2 and 0.3; 1 can, if the line is turned round: then −3 and −0.1 flip with it."""
    assert np.allclose(ldm(exclusive(LINE, AT_0)), np.array([2, 1, 1, 2, 3, 3]) / 6)


def test_ldm_ranks_by_the_pool_and_not_by_the_distance():
    """−3 flips with one other item, 0.4 with two; by margin 0.4 would come long before it."""
    ranking = Ldm(draws=400).rank(exclusive(LINE, AT_0), 6, np.random.default_rng(0))
    assert ranking.rows.tolist() == [1, 2, 3, 0, 4, 5]
    assert np.allclose(ranking.scores, 1 - np.array([1, 1, 2, 2, 3, 3]) / 6)


def test_an_item_flips_with_the_easiest_of_its_questions():
    """The first has its border at 0, the second at 0.35: of these alone the LDM are 3, 3, 2, 1, 1 and 2 of 6."""
    assert np.allclose(ldm(questions(LINE, [[1, 1], [0, -0.35]])), np.array([2, 1, 1, 1, 1, 2]) / 6)


def test_the_reducer_may_take_the_mean_of_the_questions():
    pool = questions(LINE, [[1, 1], [0, -0.35]], reducer="mean")
    assert np.allclose(ldm(pool), np.array([2 + 3, 1 + 3, 1 + 2, 2 + 1, 3 + 1, 3 + 2]) / 12)


def test_one_draw_stands_for_every_strength_of_noise():
    """The definition, with 1,000 strengths: never below the closed form, and nearly always the same."""
    rng = np.random.default_rng(0)
    x, head = rng.normal(size=(120, 5)).astype(np.float32), rng.normal(size=(6, 4)).astype(np.float32)
    closed = _least(np.concatenate([x, x]), np.zeros(120, bool), head, True, 4, np.random.default_rng(1))[:, 0]
    drawn, one = np.ones(120), np.random.default_rng(1)
    answer = (x @ head[:-1] + head[-1]).argmax(axis=1)
    for _ in range(4):
        noise = one.standard_normal(head.shape, np.float32)
        for sigma in np.logspace(-3, 2, 1000):
            changed = head + sigma * noise
            flipped = (x @ changed[:-1] + changed[-1]).argmax(axis=1) != answer
            drawn[flipped] = np.minimum(drawn[flipped], flipped.mean())
    assert (drawn >= closed - 1e-9).all()
    assert np.isclose(drawn, closed).mean() > 0.8


def test_an_item_outside_the_sample_counts_itself(monkeypatch):
    """So that no LDM is 0: of 3 drawn the share is at least 1/3, and beside them 1/4."""
    monkeypatch.setattr(_disagreement, "SAMPLE", 3)
    pool = exclusive(np.repeat([[0.001], [5.0]], [20, 3], axis=0), AT_0)
    assert ldm(pool).min() >= 1 / 4


def test_beyond_the_candidates_items_come_by_margin():
    ranking = Ldm(candidates=2).rank(exclusive(LINE, AT_0), 6, np.random.default_rng(0))
    assert set(ranking.rows[:2].tolist()) == {1, 2}
    assert ranking.rows[2:].tolist() == [3, 4, 5, 0]


def test_without_a_last_layer_both_say_so():
    given = exclusive(LINE, AT_0)
    pool = Pool(given.features, given.probabilities, given.owner, given.held)
    for strategy in (Ldm(), LdmS()):
        with pytest.raises(ValueError, match="last layer"):
            strategy.rank(pool, 3, np.random.default_rng(0))


def test_weights_of_ldm_s_by_hand():
    """The border is 0.2; e^−½ and e^−1½ scaled to a sum of 2 are 1.46 and 0.54, at most 1."""
    assert np.allclose(weights(np.array([0.5, 0.1, 0.3, 0.2]), 2), [0.5379, 1, 1, 1], atol=1e-4)


def test_weights_of_equals_are_one_and_none_is_lost_far_from_the_border():
    assert weights(np.full(5, 0.1), 2).tolist() == [1] * 5
    assert weights(np.array([0.001, 1.0, 1.0]), 1).tolist() == [1, 0, 0]


def test_angles_by_hand():
    geometry = _angles(np.array([[1, 0], [0, 3], [-2, 0], [5, 0]], np.float32))
    assert np.allclose(geometry(np.array([0]), np.arange(4)), [[0, 1, 4, 0]])


def test_ldm_s_asks_no_twins_while_others_flip_as_easily():
    """Ten directions in which the answers differ as little, each five times: all ten are asked before a twin."""
    angle = np.repeat(np.linspace(0, 3, 10), 5)
    x = np.stack([np.cos(angle), np.sin(angle), np.tile(0.01, 50)], axis=1)
    pool = exclusive(x, [[0, 0], [0, 0], [-1, 1], [0, 0]])
    ranking = LdmS().rank(pool, 10, np.random.default_rng(0))
    assert sorted((ranking.rows // 5).tolist()) == list(range(10))


def test_ldm_s_begins_with_the_least_ldm():
    for seed in range(5):
        assert LdmS().rank(exclusive(LINE, AT_0), 2, np.random.default_rng(seed)).rows[0] in (1, 2)


def test_no_ldm_is_zero_where_a_product_rounds_differently_in_another_place():
    for n in (2, 3, 5, 300):
        rng = np.random.default_rng(n)
        pool = exclusive(rng.normal(size=(n, 8)), rng.normal(size=(9, 77)))
        assert ldm(pool, draws=20).min() >= 1 / n - 1e-9
        assert np.isfinite(LdmS(draws=20).rank(pool, 1, rng).scores).all()
