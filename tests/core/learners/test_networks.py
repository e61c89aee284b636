"""What is particular to the learners with hidden layers: `mlp`, `ensemble` and `cnn`."""

import numpy as np
import pytest
import torch

from app.core.encoders.pixels import Pixels
from app.core.learners import fold_of
from app.core.learners._convolution import Layout, layout
from app.core.learners._heads import Training, embedded, initial, logits, train
from app.core.learners.cnn import CNN
from app.core.learners.ensemble import Ensemble
from app.core.learners.linear import Linear
from app.core.learners.mlp import MLP


def fitted(learner, X, targets, n_folds=0):
    folds = fold_of(np.arange(len(X)), max(1, n_folds))
    learner.fit(X, targets, np.ones(len(X)), True, np.random.default_rng(0), folds, n_folds)
    return learner


def xor(n):
    X = np.random.default_rng(0).uniform(-1, 1, size=(n, 2)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


@pytest.mark.parametrize("learner", [MLP(), MLP(layers=2), Ensemble()])
def test_hidden_layers_learn_what_no_line_can_tell(learner):
    X, classes = xor(400)
    T = np.eye(2)[classes]
    right = (fitted(learner, X[:300], T[:300]).predict(X[300:]).argmax(axis=1) == classes[300:]).mean()
    straight = (fitted(Linear(), X[:300], T[:300]).predict(X[300:]).argmax(axis=1) == classes[300:]).mean()
    assert right > 0.9
    assert straight < 0.7


def test_heads_that_are_trained_together_know_nothing_of_each_other():
    X, classes = xor(60)
    x, targets = torch.from_numpy(X), torch.eye(2)[torch.from_numpy(classes)]
    alone = initial(1, [2, 8, 2], torch.Generator().manual_seed(1))
    first, second = ([one.clone().repeat(2, 1, 1) for one in alone] for _ in range(2))
    weights = torch.ones(60, 2)
    weights[:30, 1] = 0
    for parameters, w in ((alone, weights[:, :1]), (first, weights), (second, weights.flip(1))):

        def forward(rows, parameters=parameters):
            return logits(parameters, embedded(parameters, x[rows]))

        train(parameters, forward, targets, w, True, Training(steps=20), torch.Generator().manual_seed(2))
    for lone, together, turned in zip(alone, first, second, strict=True):
        assert torch.allclose(lone[0], together[0], atol=1e-5)
        assert torch.allclose(turned, together.flip(0), atol=1e-5)
    assert not torch.allclose(first[0][0], first[0][1], atol=1e-3)


def test_without_dropout_all_draws_are_the_prediction(blobs):
    X, classes = blobs
    learner = fitted(MLP(dropout=0.0, steps=50), X[:100], np.eye(3)[classes[:100]])
    drawn = learner.sample(X[:4], 3, np.random.default_rng(0))
    assert np.array_equal(drawn, np.repeat(learner.predict(X[:4])[None], 3, axis=0))


def test_members_are_drawn_in_turn(blobs):
    X, classes = blobs
    learner = fitted(Ensemble(members=3, steps=50), X[:100], np.eye(3)[classes[:100]])
    drawn = learner.sample(X[:4], 6, np.random.default_rng(0))
    assert len(np.unique(drawn[:3], axis=0)) == 3
    assert np.array_equal(np.unique(drawn[:3], axis=0), np.unique(drawn[3:], axis=0))


def test_pictures_are_found_in_the_rows_length():
    assert layout(Pixels().dimensions, 0, 0) == Layout(16, 3)
    assert layout(3 * 32**2, 0, 0) == Layout(32, 3)
    assert layout(28**2, 0, 0) == Layout(28, 1)
    assert layout(256, 0, 0) == Layout(8, 3)  # the encoder's 3 · 8² + 64 goes before 16²
    assert layout(256, 0, 1) == Layout(16, 1)
    assert layout(384, 0, 0) == Layout(0, 0)
    assert layout(70, 8, 0) == Layout(8, 1)
    with pytest.raises(ValueError, match="no picture of 9 × 9 pixels with 1 channels"):
        layout(70, 9, 0)


def bars(n, side=12):
    """Bars that stand or lie, anywhere."""
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=n)
    pictures = 0.3 * rng.normal(size=(n, side, side)).astype(np.float32)
    for picture, lies in zip(pictures, classes, strict=True):
        down, across = rng.integers(side - 5, size=2)
        picture[down : down + (2 if lies else 6), across : across + (6 if lies else 2)] += 1
    return pictures.reshape(n, -1), classes


def test_convolutions_tell_what_may_be_anywhere():
    X, classes = bars(500)
    T = np.eye(2)[classes]
    learner = fitted(CNN(steps=150), X[:300], T[:300])
    assert (learner.predict(X[300:]).argmax(axis=1) == classes[300:]).mean() > 0.95
    assert (fitted(Linear(), X[:300], T[:300]).predict(X[300:]).argmax(axis=1) == classes[300:]).mean() < 0.85
    assert learner.state()["shape"].tolist() == [12, 1]


def test_numbers_that_are_no_pixels_are_read_too():
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=200)
    X = 0.1 * rng.normal(size=(200, 3 * 16**2 + 64)).astype(np.float32)
    X[:, -1] += classes
    learner = fitted(CNN(steps=60), X[:100], np.eye(2)[classes[:100]])
    assert (learner.predict(X[100:]).argmax(axis=1) == classes[100:]).mean() > 0.9
