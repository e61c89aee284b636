"""A project played through with known answers: how many labels a recipe needs, by the same `run` as the real rounds."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from app.core.data import Features, IntArray
from app.core.learners import State
from app.core.round import RoundInput, RoundOutput, run
from app.core.tasks import Task


def simulate(
    features: Features,
    truth: IntArray,
    task: Task,
    recipe: dict[str, Any],
    labels: int,
    batch: int,
    seed: int,
    test_share: float = 0.2,
) -> list[tuple[int, float]]:
    """(labels, accuracy on the test rows) after each round, up to so many labels.

    truth [rows] are class indices of a task with one class. The test rows are a uniform sample that is never
    asked; equal seeds give equal test rows and audit keys whatever the recipe is, so that recipes are
    compared in pairs.
    """
    rng = np.random.default_rng(seed)
    test = rng.permutation(features.rows)[: max(1, round(test_share * features.rows))]
    points = []
    for asked, result in play(features, truth, task, recipe, labels, batch, seed, test):
        if result.probabilities is not None:
            predicted = result.probabilities[test].argmax(axis=1)
            points.append((len(asked), float((predicted == truth[test]).mean())))
        else:
            points.append((len(asked), 1 / len(task.classes)))
    return points


def play(
    features: Features,
    truth: IntArray,
    task: Task,
    recipe: dict[str, Any],
    labels: int,
    batch: int,
    seed: int,
    test: IntArray,
) -> Iterator[tuple[list[int], RoundOutput]]:
    """The rows asked so far and the round they led to, until so many are labelled or the pool is empty.

    As in a real project a share of the questions (`random_share`, 0.1) is asked in the order of uniform keys.
    """
    rng = np.random.default_rng([seed, 1])
    keys = rng.random(features.rows)
    pool = np.setdiff1d(np.arange(features.rows), test)
    asked: list[int] = []
    drawn: list[int] = []
    state: State | None = None
    while True:
        left = np.setdiff1d(pool, asked)
        frontier = keys[left].min() if len(left) else 1.0
        given = RoundInput(
            task=task,
            recipe=recipe,
            features=features,
            answers=[(row, 0, task.decode(task.one_hot(truth[row]))) for row in asked],
            open_rows=left,
            busy_rows=np.empty(0, np.int64),
            audit_rows=pool[keys[pool] < frontier],
            previous=state,
            queue_size=min(batch, max(labels - len(asked), 1)),
            seed=seed + len(asked),
            step=lambda _: None,
            drawn_rows=np.array(drawn, np.int64),
        )
        result = run(given)
        yield list(asked), result
        state = result.state or None
        if len(asked) >= labels or not len(left):
            return
        queue = [entry.row for entry in result.queue]
        by_key = left[np.argsort(keys[left])].tolist()
        for _ in range(min(batch, labels - len(asked), len(left))):
            source = by_key if rng.random() < recipe.get("random_share", 0.1) else queue
            row = next(row for row in [*source, *by_key] if row not in asked)
            if source is by_key or row not in queue:
                drawn.append(row)
            asked.append(row)
