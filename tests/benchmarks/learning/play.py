"""The loop of the benchmark: fit, measure on the test rows, ask a batch, and so on to the end of the budget."""

from dataclasses import dataclass, field
from hashlib import sha256
from time import perf_counter, process_time

import numpy as np

from app.core import plugins
from app.core.data import Pool
from app.core.learners import Learner
from app.core.selection import is_cold, learnable
from app.core.strategies import Situation, Strategy
from tests.benchmarks.learning.problems import OUT_OF_SCOPE, Problem

LEARNER = {"name": "linear"}


@dataclass
class Run:
    """The curve of one run: labels asked before each measurement, accuracy and macro-F1 on the test rows, and seconds.

    query: of the strategy's `rank`, for each batch; fit: of the learner. stopped: the strategy took too long.
    """

    labels: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    macro_f1: list[float] = field(default_factory=list)
    query: list[float] = field(default_factory=list)
    fit: list[float] = field(default_factory=list)
    rows: str = ""
    stopped: bool = False


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


def play(problem: Problem, strategy: Strategy, cold: bool, batch: int, budget: int, seed: int, most: float) -> Run:
    """One run. cold: the strategy asks from the first item on; else the first batch is drawn at random.

    The random batch is the same for all strategies of a seed, and is asked on while a strategy needs a model and there
    is none. most: seconds of query after which the run is broken off.
    """
    order = np.random.default_rng([seed, 71]).permutation(problem.pool)
    rng = np.random.default_rng([seed, 72])
    run, model = Run(), Model(problem)
    asked = np.empty(0, np.int64) if cold else order[:batch]
    while True:
        began = perf_counter()
        model.fit(asked)
        run.fit.append(perf_counter() - began)
        if len(asked):
            accuracy, macro_f1 = scores(problem, model)
            run.labels.append(len(asked))
            run.accuracy.append(round(accuracy, 5))
            run.macro_f1.append(round(macro_f1, 5))
        run.stopped = sum(run.query) > most
        n = min(batch, budget - len(asked), len(problem.pool) - len(asked))
        if n <= 0 or run.stopped:
            break
        asked = np.concatenate([asked, _ask(problem, model, strategy, asked, order, n, rng, run)])
    run.rows = sha256(asked.astype(np.int64).tobytes()).hexdigest()[:16]
    return run


def _ask(
    problem: Problem,
    model: Model,
    strategy: Strategy,
    asked: np.ndarray,
    order: np.ndarray,
    n: int,
    rng: np.random.Generator,
    run: Run,
) -> np.ndarray:
    situation = Situation(len(model.members), problem.classes, model.ready, is_cold(model.members))
    chosen = strategy.at(situation)
    if chosen.needs_model and not model.ready:
        return order[~np.isin(order, asked)][:n]
    rows = np.setdiff1d(problem.pool, asked)
    pool = _pool(problem, model, chosen, rows, np.sort(asked), rng)
    began = process_time()
    ranking = chosen.rank(pool, n, rng)
    run.query.append(round(process_time() - began, 6))
    found = rows[np.asarray(ranking.rows)[:n]]
    if len(np.unique(found)) != n:
        raise ValueError(f"{chosen.name} chose {len(np.unique(found))} different items, not {n}")
    return found


def _pool(
    problem: Problem, model: Model, strategy: Strategy, rows: np.ndarray, held: np.ndarray, rng: np.random.Generator
) -> Pool:
    """The pool as a served round makes it, whole: the benchmark's pools are within every strategy's bound."""
    X = problem.features[rows]
    probabilities = model.predict(rows) if model.ready else np.empty((0, problem.classes), np.float32)
    learner = model.learner if model.ready else None
    head = _head(learner) if learner and strategy.needs_head else None
    return Pool(
        features=X if strategy.needs_features else np.empty((len(rows), 0), np.float32),
        probabilities=probabilities,
        owner=np.arange(len(probabilities)),
        held=problem.features[held] if strategy.needs_features else np.empty((0, 0), np.float32),
        samples=learner.sample(X, strategy.needs_samples, rng) if learner and strategy.needs_samples else None,
        head=head,
        inputs=None if head is None or learner is None else learner.embed(X),
    )


def _head(learner: Learner) -> np.ndarray | None:
    """The last layer, from the learner or, where it does not tell, from a linear one's state."""
    head = learner.head()
    if head is not None:
        return head
    state = learner.state()
    W = np.array(state["W"][:, -1], np.float32)
    W[:-1] /= float(state["scale"])
    return np.where(state["seen"][-1], W, 0) / float(state["temperature"])
