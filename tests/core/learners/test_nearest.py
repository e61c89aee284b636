"""What is particular to the learners that compare: `prototype` and `knn`."""

import numpy as np
import pytest

from app.core.learners import fold_of
from app.core.learners.knn import KNN
from app.core.learners.prototype import Prototype


def fitted(learner, X, targets, exclusive=True, n_folds=0):
    X = np.asarray(X, np.float32)
    folds = fold_of(np.arange(len(X)), max(1, n_folds))
    learner.fit(X, targets, np.ones(len(X)), exclusive, np.random.default_rng(0), folds, n_folds)
    return learner


CROSS = [[1, 0], [-1, 0], [0, 1], [0, -1]]  # around their mean, the origin


def test_votes_by_hand():
    """Nearest to (2, 0) is its own direction, then two at right angles with half the weight: a vote for each class."""
    learner = fitted(KNN(neighbours=2, sharpness=np.log(2), balance=0.0), CROSS, np.eye(3)[[0, 1, 2, 2]])
    expected = [0.98 * 0.5 + 0.02 * 0.25, 0.02 * 0.25, 0.98 * 0.5 + 0.02 * 0.5]
    assert learner.predict(np.array([[2, 0]], np.float32))[0].tolist() == pytest.approx(expected, abs=1e-5)
    several = fitted(KNN(neighbours=2, sharpness=np.log(2)), CROSS, np.eye(3)[[0, 1, 2, 2]], exclusive=False)
    assert several.predict(np.array([[2, 0]], np.float32))[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_nearest_mean_by_hand():
    """Means to the right and up; 45° lie between; the third class has no examples, 1/(n + K) being less than U/K."""
    learner = fitted(Prototype(sharpness=2.0), CROSS, np.eye(4)[[0, 1, 2, 2]])
    p = learner.predict(np.array([[3, 0], [1, 1]], np.float32))
    # Cosines 1, −1 and 0: the two of the third class cancel out, and have no direction.
    assert p[0, :3] / p[0, :3].sum() == pytest.approx(np.exp([2, -2, 0]) / np.exp([2, -2, 0]).sum(), abs=1e-5)
    assert p[1, 0] / p[1, 1] == pytest.approx(np.exp(4 * np.sqrt(0.5)), rel=1e-4)


@pytest.mark.parametrize("learner", [Prototype(), KNN()])
@pytest.mark.parametrize("exclusive", [True, False])
def test_a_new_class_works_from_one_example(learner, exclusive):
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(3, 20))
    classes = np.r_[np.arange(80) % 2, 2]
    X = centres[classes] + rng.normal(size=(81, 20))
    fitted(learner, X, np.eye(3)[classes], exclusive)
    new = (centres[2] + rng.normal(size=(50, 20))).astype(np.float32)
    assert (learner.predict(new).argmax(axis=1) == 2).mean() > 0.9


def test_means_of_fewer_rows_scatter_more(blobs):
    X, classes = blobs
    many = fitted(Prototype(), X[:500], np.eye(3)[classes[:500]])
    few = fitted(Prototype(), X[:25], np.eye(3)[classes[:25]])
    scatter = [one.sample(X[500:], 50, np.random.default_rng(0)).std(axis=0).mean() for one in (many, few)]
    assert scatter[1] > 1.5 * scatter[0]
