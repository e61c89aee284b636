"""Choosing the queue: which strategy ranks, what it sees, and what people read beside each item."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core import plugins
from app.core.data import BoolArray, Features, FloatArray, IntArray, Pool
from app.core.strategies import Ranking, Strategy
from app.core.strategies.margin import uncertainty
from app.core.tasks import Task

# A strategy that compares features looks at so many items, so that a round takes seconds however large the pool is.
CANDIDATES = 20_000
HELD = 5_000
# The cold start ends after three labels a class, and after so many labels however many classes there are.
LABELS_PER_CLASS, COLD_LABELS = 3, 50


@dataclass(frozen=True)
class QueueEntry:
    """One item to ask: its row, its score, why, and what the model would answer: {"answer", "confidence"}."""

    row: int
    score: float
    reason: str
    suggestion: dict[str, Any] | None


def is_cold(members: BoolArray) -> bool:
    """Whether the labels are too few for a model's doubts to mean something, from merged answers [n, K].

    They are until two different answers were seen and there are three labels a class, or 50 with many
    classes. Under two or three labels a class, uncertainty is noise, and typical items teach more (TypiClust,
    ICML 2022).
    """
    enough = min(LABELS_PER_CLASS * members.shape[1], COLD_LABELS)
    return len(members) < enough or not learnable(members)


def learnable(members: BoolArray) -> bool:
    """Whether two different answers were seen, so that there is something to tell apart."""
    return len(members) > 1 and bool((members != members[0]).any())


def pick_strategy(recipe: dict[str, Any], cold: bool, has_model: bool) -> tuple[str, Strategy]:
    """The strategy that ranks now, with its name; `maxherding` in place of one that needs a model there is not."""
    spec = recipe["cold_start"] if cold else recipe["strategy"]
    strategy = plugins.make("strategies", spec, Strategy)
    if strategy.needs_model and not has_model:
        spec = {"name": "maxherding"}
        strategy = plugins.make("strategies", spec, Strategy)
    return spec["name"], strategy


def choose(
    strategy: Strategy,
    task: Task,
    features: Features,
    probabilities: FloatArray | None,
    open_rows: IntArray,
    held_rows: IntArray,
    size: int,
    rng: np.random.Generator,
) -> list[QueueEntry]:
    """The queue: at most `size` of the open rows, best first."""
    rows = open_rows
    if strategy.needs_features:
        rows = _candidates(task, probabilities if strategy.needs_model else None, open_rows, rng)
        held_rows = held_rows if len(held_rows) <= HELD else np.sort(rng.choice(held_rows, HELD, replace=False))
    pool = _pool(strategy, task, features, probabilities, rows, held_rows)
    ranking = strategy.rank(pool, min(size, pool.n), rng)
    _check(ranking, pool.n)
    return _entries(strategy, task, probabilities, rows[ranking.rows], ranking.scores)


def _candidates(task: Task, probabilities: FloatArray | None, rows: IntArray, rng: np.random.Generator) -> IntArray:
    """A bounded choice of rows, in order: the most uncertain ones, or without a model a random sample."""
    if len(rows) <= CANDIDATES:
        return rows
    if probabilities is None:
        return np.sort(rng.choice(rows, CANDIDATES, replace=False))
    doubt = uncertainty(task.per_unit(probabilities[rows])).reshape(len(rows), task.units).max(axis=1)
    return np.sort(rows[np.argsort(-doubt, kind="stable")[:CANDIDATES]])


def _pool(
    strategy: Strategy,
    task: Task,
    features: Features,
    probabilities: FloatArray | None,
    rows: IntArray,
    held_rows: IntArray,
) -> Pool:
    width = features.dimensions if strategy.needs_features else 0
    units = 0 if probabilities is None else task.units
    return Pool(
        features=features.take(rows) if width else np.empty((len(rows), 0), np.float32),
        probabilities=np.empty((0, task.unit_classes), np.float32)
        if probabilities is None
        else task.per_unit(probabilities[rows]),
        owner=np.repeat(np.arange(len(rows)), units),
        held=features.take(held_rows) if width else np.empty((0, 0), np.float32),
    )


def _check(ranking: Ranking, n: int) -> None:
    """A strategy that ranks a row twice, or one that is not there, must not reach the queue."""
    rows = ranking.rows
    if len(np.unique(rows)) != len(rows) or (len(rows) and (rows.min() < 0 or rows.max() >= n)):
        raise ValueError("the strategy's ranking holds rows twice or from outside the pool")
    if len(ranking.scores) != len(rows) or not np.isfinite(ranking.scores).all():
        raise ValueError("the strategy's ranking needs a finite score for each row")


def _entries(
    strategy: Strategy, task: Task, probabilities: FloatArray | None, rows: IntArray, scores: FloatArray
) -> list[QueueEntry]:
    if probabilities is None:
        reasons = [strategy.reason(float(score), ()) for score in scores]
        suggestions: list[dict[str, Any] | None] = [None] * len(rows)
    else:
        p = probabilities[rows]
        likely = _undecided(task, p)
        reasons = [strategy.reason(float(s), names) for s, names in zip(scores, likely, strict=True)]
        suggestions = [{"answer": task.decode(one), "confidence": task.confidence(one)} for one in p]
    return [
        QueueEntry(int(row), float(score), reason, suggestion)
        for row, score, reason, suggestion in zip(rows, scores, reasons, suggestions, strict=True)
    ]


def _undecided(task: Task, probabilities: FloatArray) -> list[tuple[str, ...]]:
    """Between which classes the model is undecided: see Strategy.reason."""
    if task.exclusive:
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    else:
        order = np.abs(probabilities - 0.5).argmin(axis=1)[:, None]
    return [tuple(task.classes[k] for k in row) for row in order]
