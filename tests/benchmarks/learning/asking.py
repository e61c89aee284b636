"""How a contestant chooses: one strategy by itself, or a recipe through the round that the product runs."""

from time import process_time
from typing import Any

import numpy as np

from app.core import plugins
from app.core.data import ArrayFeatures, Pool
from app.core.labelled import is_cold
from app.core.round import RoundInput, RoundOutput, run
from app.core.strategies import Situation, Strategy
from app.core.tasks import Task
from tests.benchmarks.learning.model import LEARNER, Model
from tests.benchmarks.learning.play import Asker
from tests.benchmarks.learning.problems import OUT_OF_SCOPE, Problem


def by_strategy(problem: Problem, strategy: Strategy, cold: bool, seed: int) -> Asker:
    """One strategy from the second batch on. The first is drawn at random, the same for all strategies of a seed, and
    so are further ones while a strategy needs a model and there is none; with `cold` it asks from the first item on.
    """
    order = np.random.default_rng([seed, 71]).permutation(problem.pool)
    rng = np.random.default_rng([seed, 72])

    def ask(asked: np.ndarray, model: Model, n: int) -> tuple[np.ndarray, float]:
        situation = Situation(
            len(model.members), problem.classes, model.ready, is_cold(model.members, *model.members.shape)
        )
        chosen = strategy.at(situation)
        if not (cold or len(asked)) or (chosen.needs_model and not model.ready):
            return order[~np.isin(order, asked)][:n], 0.0
        rows = np.setdiff1d(problem.pool, asked)
        pool = _pool(problem, model, chosen, rows, np.sort(asked), rng)
        began = process_time()
        ranking = chosen.rank(pool, n, rng)
        seconds = process_time() - began
        return rows[np.asarray(ranking.rows)], seconds

    return ask


def _pool(
    problem: Problem, model: Model, strategy: Strategy, rows: np.ndarray, held: np.ndarray, rng: np.random.Generator
) -> Pool:
    """The pool as a round makes it, but whole: the benchmark's pools are within every strategy's bound."""
    X = problem.features[rows]
    learner = model.learner if model.ready else None
    head = model.head() if learner and strategy.needs_head else None
    probabilities = model.predict(rows) if learner else np.empty((0, problem.classes), np.float32)
    return Pool(
        features=X if strategy.needs_features else X[:, :0],
        probabilities=probabilities,
        owner=np.arange(len(probabilities)),
        held=problem.features[held] if strategy.needs_features else np.empty((0, 0), np.float32),
        samples=learner.sample(X, strategy.needs_samples, rng) if learner and strategy.needs_samples else None,
        head=head,
        inputs=None if head is None or learner is None else learner.embed(X),
    )


def by_recipe(problem: Problem, recipe: dict[str, Any], random_share: float, seed: int) -> Asker:
    """A recipe through `app.core.round.run`, from the first item on; a share of the items drawn in the order of uniform
    keys, as the product does for its audit. Seconds are those of the round's step `choose`.
    """
    task = plugins.load("tasks", "classification", Task)([f"class {k:03d}" for k in range(problem.classes)])
    named = [task.decode(one) for one in np.eye(problem.classes)]
    features, order = ArrayFeatures(problem.features), np.random.default_rng([seed, 73]).permutation(problem.pool)
    coin, drawn, state = np.random.default_rng([seed, 74]), np.empty(0, np.int64), {}

    def ask(asked: np.ndarray, model: Model, n: int) -> tuple[np.ndarray, float]:
        nonlocal drawn, state
        left, clock = np.setdiff1d(problem.pool, asked), [0.0]
        foreign = problem.answers[asked] == OUT_OF_SCOPE
        given = RoundInput(
            task=task,
            recipe={**recipe, "learner": LEARNER, "retrain_every": n},
            features=features,
            answers=[(int(row), 0, named[problem.answers[row]]) for row in asked[~foreign]],
            open_rows=left,
            busy_rows=np.empty(0, np.int64),
            audit_rows=drawn,
            drawn_rows=drawn,
            foreign_rows=asked[foreign],
            previous=state or None,
            queue_size=n,
            seed=seed * 100_003 + len(asked),
            measuring="never",
            step=lambda _: clock.append(process_time()),
        )
        result = run(given)
        seconds, state = process_time() - clock[-1], result.state
        by_key = order[np.isin(order, left)][: int((coin.random(n) < random_share).sum())]
        queue = _queue(result)
        queue = queue[~np.isin(queue, by_key)][: n - len(by_key)]
        drawn = np.concatenate([drawn, by_key])
        return np.concatenate([queue, by_key]), seconds

    return ask


def _queue(result: RoundOutput) -> np.ndarray:
    return np.array([entry.row for entry in result.queue], np.int64)
