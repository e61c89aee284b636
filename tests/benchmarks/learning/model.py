"""The model of the benchmark: one learner for all contestants, refitted to the labels so far and judged on the test."""

import numpy as np

from app.core import plugins
from app.core.labelled import learnable
from app.core.learners import Learner
from tests.benchmarks.learning.problems import OUT_OF_SCOPE, Problem

LEARNER = {"name": "linear"}


class Model:
    """The learner of the benchmark, refitted to the labels so far; without folds, warm as in a served round."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.learner = problem, plugins.make("learners", LEARNER, Learner)
        self.ready = False

    def fit(self, rows: np.ndarray) -> None:
        """Fit to the answers of these rows, where two different ones are among them."""
        rows = rows[self.problem.answers[rows] != OUT_OF_SCOPE]
        self.targets = np.eye(self.problem.classes, dtype=np.float32)[self.problem.answers[rows]]
        self.members = self.targets > 0
        if not learnable(self.members):
            self.constant = self.targets.mean(axis=0) if len(rows) else np.full(self.problem.classes, 0.0)
            return
        warm = self.learner.state() if self.ready else None
        self.learner.fit(
            self.problem.features[rows],
            self.targets,
            np.ones(len(rows), np.float32),
            True,
            np.random.default_rng(0),
            np.zeros(len(rows), np.int64),
            0,
            None,
            warm,
        )
        self.ready = True

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities [n, K]; of the one class that is known where there is nothing to tell apart yet."""
        if not self.ready:
            return np.tile(self.constant, (len(rows), 1))
        return self.learner.predict(self.problem.features[rows])

    def head(self) -> np.ndarray | None:
        """The last layer, from the learner or, while a linear one does not tell, from its state."""
        found = self.learner.head()
        if found is None and "W" in (state := self.learner.state()):
            W = np.array(state["W"][:, -1], np.float32)
            W[:-1] /= float(state["scale"])
            found = np.where(state["seen"][-1], W, 0) / float(state["temperature"])
        return found


def full_accuracy(problem: Problem) -> tuple[float, float]:
    """(accuracy, macro-F1) on the test rows of the same learner with the answers to the whole pool."""
    model = Model(problem)
    for _ in range(4):  # a fit of many rows stops early and goes on from where it was
        model.fit(problem.pool)
    return scores(problem, model)


def scores(problem: Problem, model: Model) -> tuple[float, float]:
    """(accuracy, macro-F1) on the test rows."""
    predicted, truth = model.predict(problem.test).argmax(axis=1), problem.truth[problem.test]
    hits = np.bincount(truth[predicted == truth], minlength=problem.classes)
    total = np.bincount(predicted, minlength=problem.classes) + np.bincount(truth, minlength=problem.classes)
    return float((predicted == truth).mean()), float((2 * hits[total > 0] / total[total > 0]).mean())
