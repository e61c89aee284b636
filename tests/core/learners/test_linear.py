"""The linear learner finds the optimum, chooses its penalty, weighs rare classes and knows what it does not know."""

import numpy as np
import pytest
import torch

from app.core.learners import fold_of
from app.core.learners._balance import balanced
from app.core.learners._laplace import COOL, Posterior
from app.core.learners._strength import MIDDLE
from app.core.learners.linear import Linear


def fitted(X, targets, exclusive=True, n_folds=5, warm=None, **settings) -> Linear:
    learner = Linear(**settings)
    folds = fold_of(np.arange(len(X)), max(1, n_folds))
    learner.fit(X, targets, np.ones(len(X)), exclusive, np.random.default_rng(0), folds, n_folds, None, warm)
    return learner


def optimum(design, targets, penalty, exclusive):
    """By an optimiser of others, in float64."""
    optimize = pytest.importorskip("scipy.optimize")

    def loss(flat):
        W = flat.reshape(design.shape[1], -1)
        z = design @ W
        if exclusive:
            top = z.max(axis=1, keepdims=True)
            logs = z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))
            value, p = -(targets * logs).sum(), np.exp(logs)
        else:
            value, p = (np.logaddexp(0, z) - targets * z).sum(), 1 / (1 + np.exp(-z))
        return value + penalty / 2 * (W**2).sum(), (design.T @ (p - targets) + penalty * W).ravel()

    start = np.zeros(design.shape[1] * targets.shape[1])
    options = {"maxiter": 3000, "ftol": 1e-14, "gtol": 1e-8}
    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x.reshape(design.shape[1], -1)


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize(("rows", "dimensions"), [(150, 16), (40, 16), (30, 200)])
def test_every_model_is_at_the_optimum_of_its_rows(rows, dimensions, exclusive):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(rows, dimensions)).astype(np.float32) + 2  # a mean that is longer than all else, as of texts
    targets = np.eye(3)[rng.integers(3, size=rows)]
    learner = fitted(X, targets, exclusive, n_folds=3, strength=0.01, balance=0.0, iterations=200)
    state = learner.state()
    design = np.c_[X / float(state["scale"]), np.ones(rows)].astype(np.float64)
    folds = fold_of(np.arange(rows), 3)
    for model in range(4):
        kept = folds != model
        best = optimum(design[kept], targets[kept], 0.01 * rows / 3, exclusive)
        assert np.abs(design @ state["W"][:, model] - design @ best).max() < 0.15
        assert np.abs(design @ state["W"][:, model] - design @ best).mean() < 0.03


def test_the_penalty_is_chosen_on_folds_and_kept_for_quick_fits():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 30)).astype(np.float32)
    noisy = np.eye(2)[np.where(rng.random(200) < 0.7, rng.integers(2, size=200), X[:, 0] > 0).astype(int)]
    chosen = fitted(X, noisy)
    strength = float(chosen.state()["strength"])
    assert strength > MIDDLE  # little to learn and much noise
    quick = fitted(X, noisy, n_folds=0, warm=chosen.state())
    assert float(quick.state()["strength"]) == strength
    assert float(fitted(X[:190], noisy[:190], warm=quick.state()).state()["strength"]) == strength
    assert float(fitted(X, noisy, warm=chosen.state(), strength=0.002).state()["strength"]) == 0.002


def test_clear_data_want_less_penalty_and_without_folds_it_is_the_middle_one(blobs):
    X, classes = blobs
    targets = np.eye(3)[classes]
    far = X + 20 * np.eye(16, dtype=np.float32)[classes]
    assert float(fitted(far[:300], targets[:300]).state()["strength"]) < MIDDLE
    assert float(fitted(far[:300], targets[:300], n_folds=0).state()["strength"]) == MIDDLE


def test_weights_of_rare_classes_by_hand():
    targets, weights = torch.eye(2)[torch.tensor([0, 0, 0, 1])], torch.ones(4, 1)
    assert balanced(weights, targets, 0.0)[:, 0].tolist() == [1, 1, 1, 1]
    assert balanced(weights, targets, 1.0)[:, 0].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    # 1/√3 = 0.577 and 1 sum to 2.732, which is brought to 4.
    assert balanced(weights, targets, 0.5)[:, 0].tolist() == pytest.approx([0.845, 0.845, 0.845, 1.464], abs=1e-3)
    without_last = torch.tensor([[1.0], [1], [1], [0]])
    assert balanced(without_last, targets, 1.0)[:, 0].tolist() == [1, 1, 1, 0]


def test_a_rare_class_is_found_more_often_when_it_weighs_more():
    rng = np.random.default_rng(2)
    classes = np.repeat([0, 1], [190, 10])
    X = (rng.normal(size=(200, 8)) + 1.2 * classes[:, None] * np.eye(8)[0]).astype(np.float32)
    found = [
        fitted(X, np.eye(2)[classes], balance=b).predict(X)[classes == 1].argmax(axis=1).mean() for b in (0.0, 1.0)
    ]
    assert found[1] > found[0]


def test_draws_scatter_as_the_posterior_says():
    """One class, A = 3 along the first axis and 0 along the second, λ = 1: variances ¼ and 1, times the cooling."""
    axes, spread = torch.tensor([[1.0], [0]]), torch.tensor([3.0, 0])
    posterior = Posterior(axes, spread, torch.ones(1, 1), penalty=1.0)
    drawn = posterior.draws(20_000, np.random.default_rng(0))[:, :, 0].numpy()
    assert drawn.var(axis=0) == pytest.approx(np.array([COOL / 4, COOL]), rel=0.05)
    assert drawn.mean(axis=0) == pytest.approx(np.zeros(2), abs=0.005)


def test_draws_agree_where_there_are_data_and_not_elsewhere(blobs):
    X, classes = blobs
    flat = X.copy()
    flat[:, 8:] = 0
    learner = fitted(flat[:300], np.eye(3)[classes[:300]])
    elsewhere = np.zeros((1, 16), np.float32)
    elsewhere[0, 8:] = 2 * np.linalg.norm(flat, axis=1).mean() / np.sqrt(8)
    scattered = learner.sample(elsewhere, 200, np.random.default_rng(0)).std(axis=0).max()
    centre = learner.sample(np.zeros((1, 16), np.float32), 200, np.random.default_rng(0)).std(axis=0).max()
    assert scattered > 3 * centre
