"""A project played through with known answers: how many labels a recipe needs, by the same `run` as the real rounds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from app.core import evaluation
from app.core.cuts import Cuts
from app.core.data import Features, FloatArray, IntArray
from app.core.round import RoundInput, RoundOutput, run
from app.core.tasks import Task

Answer: TypeAlias = dict[str, Any]
TEST_SHARE = 0.2
RANDOM_SHARE = 0.1  # of the questions that are asked by their keys, as in a project that says nothing of it
NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Known:
    """A data set with its answers: one a row of the features; None where the right answer is "out of scope"."""

    task: Task
    features: Features
    answers: Sequence[Answer | None]

    def __post_init__(self) -> None:
        if len(self.answers) != self.features.rows:
            raise ValueError(f"{len(self.answers)} answers for {self.features.rows} rows")


@dataclass(frozen=True)
class Budget:
    """How a data set is played: so many labels, in batches, from one seed.

    is_calibrated: measure with fold models at every round, as a served project does now and then, so that
    probabilities are calibrated; slower. Without it log-loss and ECE are those of a model nobody has calibrated.
    """

    labels: int
    batch: int
    seed: int
    is_calibrated: bool = False
    test_share: float = TEST_SHARE

    def __post_init__(self) -> None:
        if self.labels < 1 or self.batch < 1 or self.seed < 0 or not 0 < self.test_share < 1:
            raise ValueError("labels and batch are at least 1, a seed is not negative, a share is between 0 and 1")


@dataclass(frozen=True)
class Point:
    """The model after a round, measured on the test rows: a uniform sample that is never asked.

    labels: asked so far, those whose answer was "out of scope" included. Without a model accuracy is a blind guess's
    and the rest None. strategy: what really ranked. fit_seconds, choose_seconds: what the round took. entity_f1: of
    spans, exact matches; None of other tasks. Of spans accuracy is the share of items whose spans are all right.
    """

    labels: int
    accuracy: float
    macro_f1: float | None
    log_loss: float | None
    ece: float | None
    strategy: str
    fit_seconds: float
    choose_seconds: float
    entity_f1: float | None = None


def replay(
    known: Known, recipe: dict[str, Any], budget: Budget, step: Callable[[str], None] = lambda _: None
) -> Iterator[Point]:
    """A point after each round, the one before the first label included, until the budget or the pool is used up.

    Equal seeds give equal test rows and audit keys whatever the recipe is, so that recipes are compared in pairs.
    `step` is told each step of each round and may raise to stop.
    """
    test = test_rows(known.features.rows, budget)
    scored = _Test(known, test)
    for asked, result in rounds(known, recipe, budget, test, step):
        yield scored.point(len(asked), result)


def full(known: Known, recipe: dict[str, Any], budget: Budget) -> Point:
    """The same learner with the answers of the whole pool: what the accuracy of a budget is compared with."""
    test = test_rows(known.features.rows, budget)
    pool = np.setdiff1d(np.arange(known.features.rows), test)
    at_random = {**recipe, "strategy": {"name": "random"}, "cold_start": {"name": "random"}}
    result = run(_given(known, at_random, budget, pool.tolist(), lambda _: None))
    return _Test(known, test).point(len(pool), result)


def test_rows(rows: int, budget: Budget) -> IntArray:
    """The rows that are kept apart: at least one, and at least one is left to be asked."""
    rng = np.random.default_rng(budget.seed)
    count = min(max(1, round(budget.test_share * rows)), rows - 1)
    return np.asarray(rng.permutation(rows)[:count], np.int64)


def with_strategy(recipe: dict[str, Any], strategy: dict[str, Any], learner: dict[str, Any]) -> dict[str, Any]:
    """The recipe with this strategy and learner. Asking at random is random from the first label on."""
    made = {**recipe, "strategy": strategy, "learner": learner}
    return {**made, "cold_start": strategy} if strategy["name"] == "random" else made


def targets_of(task: Task, answers: Sequence[Answer], cuts: Cuts | None = None) -> FloatArray:
    """The memberships [pieces, outputs] that answers to items which are cut so stand for, as 0 and 1."""
    cuts = cuts or Cuts(len(answers))
    outcomes = [task.encode({}, answer, cuts.bounds[cuts.part(row)]) for row, answer in enumerate(answers)]
    certain = task.one_hot(np.concatenate(outcomes))
    return task.per_class(certain.reshape(-1, task.units, task.unit_classes))


class _Test:
    """The test rows and what is right for them; those that are out of scope measure nothing."""

    def __init__(self, known: Known, rows: IntArray) -> None:
        self.task = known.task
        self.rows = np.array([row for row in rows if known.answers[row] is not None], np.int64)
        if not len(self.rows):
            raise ValueError("no test row has an answer: more items are needed")
        cuts = known.features.cuts
        self.cuts, self.pieces = cuts.some(self.rows), cuts.of(self.rows)
        right = [answer for row in self.rows if (answer := known.answers[row])]
        self.targets = targets_of(self.task, right, self.cuts)

    def point(self, labels: int, result: RoundOutput) -> Point:
        found = self._quality(result)
        seconds = result.seconds
        return Point(
            labels=labels,
            strategy=result.strategy,
            fit_seconds=seconds.get("fit", 0.0),
            choose_seconds=seconds.get("choose", 0.0),
            **found,
        )

    def _quality(self, result: RoundOutput) -> dict[str, Any]:
        if result.probabilities is None:
            blind = 1 / len(self.task.classes) if self.task.exclusive and not self.task.pieces else 0.0
            return {"accuracy": blind, **dict.fromkeys(("macro_f1", "log_loss", "ece"))}
        p = result.probabilities[self.pieces].astype(np.float32)
        predicted, truth = self.task.members(p, self.cuts), self.targets > 0.5
        right: Any = self.cuts.all((predicted == truth).all(axis=1))
        measured = self.task.measures(predicted, truth, self.cuts)
        return {
            "accuracy": float(right.mean()),
            "macro_f1": measured["macro_f1"],
            # Where there is no span at all, true or told, nothing was found.
            "entity_f1": measured["entity_f1"]["estimate"] or 0.0 if "entity_f1" in measured else None,
            "log_loss": evaluation.log_loss(p, self.targets, self.task.exclusive),
            "ece": evaluation.ece(self.task.confidences(p, self.cuts), right),
        }


def rounds(
    known: Known,
    recipe: dict[str, Any],
    budget: Budget,
    test: IntArray,
    step: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[list[int], RoundOutput]]:
    """The rows asked so far, in order, and the round they led to.

    As in a real project a share of the questions (`random_share`) is asked in the order of uniform keys.
    """
    rng = np.random.default_rng([budget.seed, 1])
    keys = rng.random(known.features.rows)
    pool = np.setdiff1d(np.arange(known.features.rows), test)
    by_key = pool[np.argsort(keys[pool])].tolist()
    asked: list[int] = []
    drawn: list[int] = []
    last: RoundOutput | None = None
    while True:
        left = pool[~np.isin(pool, asked)]
        last = run(
            replace(
                _given(known, recipe, budget, asked, step),
                open_rows=left,
                audit_rows=_answered(known, pool[keys[pool] < keys[left].min(initial=1.0)]),
                previous=last.state or None if last else None,
                scores=last.probabilities if last else None,
                queue_size=min(budget.batch, max(budget.labels - len(asked), 1)),
                drawn_rows=np.array(drawn, np.int64),
            )
        )
        yield list(asked), last
        count = min(budget.batch, budget.labels - len(asked), len(left))
        if count <= 0:
            return
        queue = [entry.row for entry in last.queue]
        for row, is_drawn in _ask(queue, by_key, set(asked), count, recipe.get("random_share", RANDOM_SHARE), rng):
            asked.append(row)
            if is_drawn:
                drawn.append(row)


def _ask(
    queue: list[int], by_key: list[int], done: set[int], count: int, share: float, rng: np.random.Generator
) -> Iterator[tuple[int, bool]]:
    """So many rows not done yet, each with whether it was drawn: by a coin of this share, or for want of a queue."""
    ranked = set(queue)
    queue_left, key_left = iter(queue), iter(by_key)
    for _ in range(count):
        is_drawn = rng.random() < share
        row = None if is_drawn else next((row for row in queue_left if row not in done), None)
        row = next(row for row in key_left if row not in done) if row is None else row
        done.add(row)
        yield row, is_drawn or row not in ranked


def _given(
    known: Known, recipe: dict[str, Any], budget: Budget, asked: Sequence[int], step: Callable[[str], None]
) -> RoundInput:
    """What every round of a replay is given; an item out of scope was asked and has no answer."""
    answers = [(row, 0, answer) for row in asked if (answer := known.answers[row]) is not None]
    foreign = [row for row in asked if known.answers[row] is None]
    return RoundInput(
        task=known.task,
        recipe=recipe,
        features=known.features,
        answers=answers,
        open_rows=NONE,
        busy_rows=NONE,
        audit_rows=NONE,
        previous=None,
        queue_size=1,
        seed=budget.seed + len(asked),
        step=step,
        measuring="now" if budget.is_calibrated else "never",
        foreign_rows=np.array(foreign, np.int64),
    )


def _answered(known: Known, rows: IntArray) -> IntArray:
    return np.array([row for row in rows if known.answers[row] is not None], np.int64)
