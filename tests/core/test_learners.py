"""Every learner keeps its contract, on data that is easy and on data that is hardly any."""

import numpy as np
import pytest

from app.core import plugins
from app.core.learners import Learner, fold_of
from app.core.learners.linear import Linear


@pytest.fixture(params=plugins.names("learners"))
def name(request) -> str:
    return request.param


def fitted(name, X, targets, exclusive=True, warm=None, **settings) -> Learner:
    learner = plugins.make("learners", {"name": name, **settings}, Learner)
    folds = fold_of(np.arange(len(X)), 5)
    learner.fit(X, targets, np.ones(len(X)), exclusive, np.random.default_rng(0), folds, 5, None, warm)
    return learner


def test_it_beats_chance_by_far(name, blobs):
    X, classes = blobs
    learner = fitted(name, X[:300], np.eye(3)[classes[:300]])
    assert (learner.predict(X[300:]).argmax(axis=1) == classes[300:]).mean() > 0.8
    assert (learner.out_of_fold().argmax(axis=1) == classes[:300]).mean() > 0.8


def test_several_classes_are_questions_of_their_own(name, blobs):
    X, classes = blobs
    members = np.stack([classes == 0, classes != 0, classes < 2], axis=1).astype(float)
    learner = fitted(name, X[:300], members[:300], exclusive=False)
    right = (learner.predict(X[300:]) > 0.5) == (members[300:] > 0.5)
    assert (right.mean(axis=0) > 0.8).all()


def test_the_same_data_give_the_same_model(name, blobs):
    X, classes = blobs
    first, second = (fitted(name, X[:100], np.eye(3)[classes[:100]]) for _ in range(2))
    assert np.array_equal(first.predict(X), second.predict(X))


def test_a_state_goes_to_disk_and_comes_back(name, blobs, tmp_path):
    X, classes = blobs
    learner = fitted(name, X[:100], np.eye(3)[classes[:100]])
    np.savez(tmp_path / "model.npz", **learner.state())
    other = plugins.make("learners", {"name": name}, Learner)
    with np.load(tmp_path / "model.npz") as saved:
        other.load(dict(saved))
    assert np.array_equal(other.predict(X), learner.predict(X))


def test_soft_targets_make_soft_predictions(name):
    X = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32) * 0.1
    learner = fitted(name, X, np.tile([0.7, 0.3], (400, 1)))
    assert np.allclose(learner.predict(X), [0.7, 0.3], atol=0.03)


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_hardly_any_rows_give_finite_probabilities(name, exclusive, n):
    X = np.ones((n, 4), np.float32)
    targets = np.eye(77)[np.arange(n) % 2]
    learner = fitted(name, X, targets, exclusive)
    for p in (learner.predict(X), learner.out_of_fold()):
        assert p.shape == (n, 77)
        assert ((p > 0) & (p <= 1)).all()
        if exclusive:
            assert np.allclose(p.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("exclusive", [True, False])
def test_an_unseen_class_keeps_a_small_probability(name, blobs, exclusive):
    X, classes = blobs
    learner = fitted(name, X[:200], np.eye(5)[classes[:200]], exclusive)
    assert (learner.predict(X)[:, 3:] > 0).all()
    assert (learner.predict(X)[:, 3:] < 0.02).all()


def test_features_that_are_all_zero_fit(name):
    learner = fitted(name, np.zeros((10, 3), np.float32), np.eye(2)[np.arange(10) % 2])
    assert np.allclose(learner.predict(np.zeros((1, 3), np.float32)), 0.5, atol=0.05)


def test_no_answer_leaks_into_its_own_out_of_fold_prediction(name):
    """Labels that are pure chance cannot be predicted; a model that saw them remembers them: there is room to."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 400)).astype(np.float32)
    targets = np.eye(2)[rng.integers(2, size=300)]
    learner = fitted(name, X, targets, strength=1e-4) if name == "linear" else fitted(name, X, targets)
    for _ in range(3):  # and warm starts must not carry it over either
        learner = fitted(name, X, targets, warm=learner.state())
    assert (learner.predict(X).argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.95
    assert (learner.out_of_fold().argmax(axis=1) == targets.argmax(axis=1)).mean() < 0.6


def test_a_warm_start_ends_where_a_cold_one_does(name, blobs):
    X, classes = blobs
    early = fitted(name, X[:200], np.eye(3)[classes[:200]])
    cold = fitted(name, X[:220], np.eye(3)[classes[:220]])
    warm = fitted(name, X[:220], np.eye(3)[classes[:220]], warm=early.state())
    assert np.allclose(warm.predict(X), cold.predict(X), atol=0.03)


def test_a_state_of_other_features_or_classes_does_no_harm(name, blobs):
    X, classes = blobs
    targets = np.eye(3)[classes]
    wrong = fitted(name, X[:100] * -30, targets[:100])
    narrow = fitted(name, X[:100, :5], targets[:100])
    cold = fitted(name, X, targets).predict(X)
    for warm in (wrong.state(), narrow.state(), {"W": np.zeros(3)}, {}):
        assert np.allclose(fitted(name, X, targets, warm=warm).predict(X), cold, atol=0.03)


def test_probabilities_mean_what_they_say(name, blobs):
    X, classes = blobs
    p = fitted(name, X[:300], np.eye(3)[classes[:300]]).predict(X[300:])
    sure = p.max(axis=1)
    assert abs(sure.mean() - (p.argmax(axis=1) == classes[300:]).mean()) < 0.06


def test_the_linear_learner_finds_the_minimum_of_its_loss(blobs):
    """The gradient, worked out here in float64, is all but 0 for the whole fit."""
    X, classes = blobs
    X, targets = X[:150], np.eye(3)[classes[:150]]
    learner = fitted("linear", X, targets, iterations=400, strength=0.004)
    W = learner.state()["W"][:, -1].astype(np.float64)
    design = np.c_[X / float(learner.state()["scale"]), np.ones(150)].astype(np.float64)
    z = np.exp(design @ W)
    penalty = 0.004 * 150 / 3
    gradient = design.T @ (z / z.sum(axis=1, keepdims=True) - targets) + penalty * W
    at_zero = design.T @ (1 / 3 - targets)
    assert np.linalg.norm(gradient) < 0.01 * np.linalg.norm(at_zero)


def test_a_row_weighs_what_it_is_given(blobs):
    X, classes = blobs
    X, targets, folds = X[:60], np.eye(3)[classes[:60]], fold_of(np.arange(60), 5)
    heavy, twice = Linear(), Linear()
    rng = np.random.default_rng(0)
    heavy.fit(X, targets, np.where(np.arange(60) < 20, 2.0, 1.0), True, rng, folds, 5)
    extra = np.r_[np.arange(60), np.arange(20)]
    twice.fit(X[extra], targets[extra], np.ones(80), True, rng, folds[extra], 5)
    assert np.abs(heavy.predict(X) - twice.predict(X)).mean() < 0.03


def test_the_fold_of_a_row_never_changes_and_folds_are_even():
    rows = np.arange(10_000)
    assert fold_of(rows[:6], 5).tolist() == fold_of(rows, 5)[:6].tolist() == [0, 0, 0, 3, 3, 3]
    assert np.bincount(fold_of(rows, 5), minlength=5).min() > 1900
