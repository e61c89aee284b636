"""What a round may do on its way: dear learners are measured later, by what a fit of theirs costs."""

from app.core import plugins
from app.core.learners import Learner
from app.core.measure import is_cheap, n_folds


def learner(name: str, **settings: object) -> Learner:
    return plugins.make("learners", {"name": name, **settings}, Learner)


def test_costs_by_hand():
    assert learner("linear").cost(100, 10, 3, 4) == 4 * 100 * 10 * 3 * 5 * 30
    # 300 steps of 64 rows; (20 · 8 + 8 · 3) weights, 6 operations each; 5 groups of folds and the whole.
    assert learner("mlp", hidden=8).cost(100, 20, 3, 20) == 6 * 184 * 300 * 64 * 6
    assert learner("mlp", hidden=8, layers=2).cost(100, 20, 3, 0) == 6 * (184 + 64) * 300 * 64
    assert learner("ensemble", members=5, hidden=8).cost(100, 20, 3, 5) == 6 * 184 * 300 * 64 * 5 * 6
    # Three passes over 64,000 rows are 3,000 steps.
    assert learner("mlp", hidden=8).cost(64_000, 20, 3, 0) == 6 * 184 * 3000 * 64
    assert learner("knn").cost(100, 20, 3, 20) == 2 * 100**2 * 23
    # 8 × 8 grey: 9 · 16 · 64, then 9 · 16 · 32 · 16; 32 · 16 + 0 into 4 hidden units, 4 into 2 classes; 400 steps.
    once = 9 * 16 * 64 + 9 * 16 * 32 * 16 + 512 * 4 + 4 * 2
    assert learner("cnn", side=8, channels=1, hidden=4).cost(64, 64, 2, 0) == 6 * once * 400 * 64


def test_a_dear_learner_is_measured_later_where_the_linear_one_is_measured_at_once():
    size = (60, 384, 4)
    assert is_cheap(learner("linear"), *size)
    assert is_cheap(learner("prototype"), *size)
    assert is_cheap(learner("knn"), *size)
    assert not is_cheap(learner("mlp"), *size)
    assert not is_cheap(learner("ensemble"), *size)
    assert not is_cheap(learner("cnn"), 60, 832, 4)


def test_folds_are_many_while_they_are_cheap():
    assert n_folds(learner("linear"), 300, 384, 4) == 20
    assert n_folds(learner("linear"), 3000, 384, 77) == 5
