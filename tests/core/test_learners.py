"""Every learner keeps its contract, on data that is easy and on data that is hardly any."""

import numpy as np
import pytest
import torch

from app.core import plugins
from app.core.learners import Learner, fold_of
from app.core.learners.linear import Linear


@pytest.fixture(params=plugins.names("learners"))
def name(request) -> str:
    return request.param


# Training takes most of the time here, and less of it than people get is enough for a contract to show.
QUICK = {"cnn": {"steps": 70}, "mlp": {"steps": 150}, "ensemble": {"steps": 150}}
# Knows where classes are, not how often they come.
NO_SHARES = {"prototype"}


def fitted(name, X, targets, exclusive=True, warm=None, **settings) -> Learner:
    learner = plugins.make("learners", {"name": name, **QUICK.get(name, {}), **settings}, Learner)
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
    enough = {"steps": 300} if name in QUICK else {}
    p = fitted(name, X, np.tile([0.7, 0.3], (400, 1)), **enough).predict(X)
    expected = [0.5, 0.5] if name in NO_SHARES else [0.7, 0.3]
    assert np.abs(p - expected).mean() < 0.03
    assert np.allclose(p, expected, atol=0.1)


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
    X = rng.normal(size=(300, 64 if name == "cnn" else 400)).astype(np.float32)
    targets = np.eye(2)[rng.integers(2, size=300)]
    settings = {"linear": {"strength": 1e-4}, "cnn": {"steps": 120}}.get(name, {})
    learner = fitted(name, X, targets, **settings)
    for _ in range(2):  # and warm starts must not carry it over either
        learner = fitted(name, X, targets, warm=learner.state(), **settings)
    assert (learner.predict(X).argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.85
    assert (learner.out_of_fold().argmax(axis=1) == targets.argmax(axis=1)).mean() < 0.6


def test_a_warm_start_ends_where_a_cold_one_does(name, blobs):
    X, classes = blobs
    fixed = {"strength": 0.004} if name == "linear" else {}  # else it is chosen, and kept for a quarter more rows
    early = fitted(name, X[:200], np.eye(3)[classes[:200]], **fixed)
    cold = fitted(name, X[:220], np.eye(3)[classes[:220]], **fixed)
    warm = fitted(name, X[:220], np.eye(3)[classes[:220]], warm=early.state(), **fixed)
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


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_last_layer_on_the_embedding_makes_the_predictions(name, blobs, exclusive):
    X, classes = blobs
    learner = fitted(name, X[:200], np.eye(5)[classes[:200]], exclusive)  # two classes that nobody has answered
    head, h, p = learner.head(), learner.embed(X), learner.predict(X)
    assert len(h) == len(X)
    assert np.isfinite(h).all()
    if head is None:
        return
    assert head.shape == (h.shape[1] + 1, 5)
    z = h @ head[:-1] + head[-1]
    if not exclusive:
        assert np.allclose(1 / (1 + np.exp(-z)), p, atol=1e-4)
        return
    made = np.exp(z - z.max(axis=1, keepdims=True))
    assert (made.argmax(axis=1) == p.argmax(axis=1)).all()
    known = slice(0, 3)  # what is kept for the others is no matter of the last layer
    for each in (made, p):
        each[:, known] /= each[:, known].sum(axis=1, keepdims=True)
    assert np.allclose(made[:, known], p[:, known], atol=1e-4)
    assert (made[:, 3:] < 1e-3).all()


@pytest.mark.parametrize("exclusive", [True, False])
def test_draws_of_the_model_scatter_about_its_prediction(name, blobs, exclusive):
    X, classes = blobs
    learner = fitted(name, X[:200], np.eye(4)[classes[:200]], exclusive)
    samples = learner.sample(X[200:300], 40, np.random.default_rng(0))
    if samples is None:
        return
    assert samples.shape == (40, 100, 4)
    assert ((samples >= 0) & (samples <= 1)).all()
    if exclusive:
        assert np.allclose(samples.sum(axis=2), 1, atol=1e-5)
    assert samples.std(axis=0).max() > 0.02
    assert np.abs(samples.mean(axis=0) - learner.predict(X[200:300])).mean() < 0.08


def test_one_draw_is_one_model_for_all_rows(name, blobs):
    X, classes = blobs
    learner = fitted(name, X[:200], np.eye(3)[classes[:200]])
    samples = learner.sample(np.repeat(X[:1], 5, axis=0), 8, np.random.default_rng(0))
    if samples is None:
        return
    assert np.allclose(samples, samples[:, :1], atol=1e-6)
    again = learner.sample(np.repeat(X[:1], 5, axis=0), 8, np.random.default_rng(0))
    assert np.array_equal(samples, again)


def test_what_was_loaded_embeds_and_draws_the_same(name, blobs):
    X, classes = blobs
    learner = fitted(name, X[:100], np.eye(3)[classes[:100]])
    other = plugins.make("learners", {"name": name}, Learner)
    other.load(learner.state())
    assert other.temperature == learner.temperature
    assert np.array_equal(other.embed(X), learner.embed(X))
    if learner.head() is not None:
        assert np.array_equal(other.head(), learner.head())
    drawn = [one.sample(X[:20], 3, np.random.default_rng(1)) for one in (learner, other)]
    assert (drawn[0] is None) == (drawn[1] is None)
    assert drawn[0] is None or np.array_equal(*drawn)


def test_without_folds_it_fits_once_and_keeps_the_temperature(name, blobs):
    X, classes = blobs
    targets = np.eye(3)[classes]
    measured = fitted(name, X[:100], targets[:100])
    quick = plugins.make("learners", {"name": name, **QUICK.get(name, {})}, Learner)
    no_folds = np.zeros(150, np.int64)
    rng = np.random.default_rng(0)
    quick.fit(X[:150], targets[:150], np.ones(150), True, rng, no_folds, 0, None, measured.state())
    assert quick.temperature == measured.temperature
    assert quick.out_of_fold().shape == (0, 3)
    assert (quick.predict(X[300:]).argmax(axis=1) == classes[300:]).mean() > 0.75


def test_no_row_asks_for_nothing(name, blobs):
    X, classes = blobs
    learner = fitted(name, X[:60], np.eye(3)[classes[:60]])
    assert learner.predict(X[:0]).shape == (0, 3)


def test_it_draws_nothing_from_the_generators_that_others_use(name, blobs):
    X, classes = blobs
    torch.manual_seed(5)
    np.random.seed(5)
    learner = fitted(name, X[:60], np.eye(3)[classes[:60]])
    learner.sample(X[:5], 2, np.random.default_rng(0))
    left = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    assert torch.equal(left[0], torch.rand(3))
    assert np.array_equal(left[1], np.random.rand(3))


def test_the_linear_learner_finds_the_minimum_of_its_loss(blobs):
    """The gradient, worked out here in float64, is all but 0 for the whole fit."""
    X, classes = blobs
    X, targets = X[:150], np.eye(3)[classes[:150]]
    learner = fitted("linear", X, targets, iterations=400, strength=0.004, balance=0.0)
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
