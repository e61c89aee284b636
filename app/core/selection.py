"""Choosing the queue: which strategy ranks, what it sees, and what people read beside each item."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.core import plugins
from app.core.data import Features, FloatArray, IntArray, Pool, of_items
from app.core.reasons import Reason
from app.core.stages.candidates import preselect
from app.core.staging import Stages
from app.core.strategies import Ranking, Situation, Strategy
from app.core.tasks import Task

if TYPE_CHECKING:
    from app.core.fit import Fitted

# Of the items that are labelled or in hands a strategy sees so many, so that a round takes seconds in any project.
HELD = 5_000
# A strategy that compares items chooses as many of them together as are asked before the next round, or so; choosing
# hundreds would spread the first ones over all the pool.
TOGETHER = 20
# Pieces whose inputs or draws a strategy sees, which are kept in memory together.
LOOKED_AT = 100_000
LEFT_OUT = Reason("left_out")


@dataclass(frozen=True)
class QueueEntry:
    """One item to ask: its row, its score, why, and what the model would answer: {"answer", "confidence"}.

    propensity: the exact probability with which it was drawn at its place, of a strategy that draws.
    """

    row: int
    score: float
    why: Reason | str
    suggestion: dict[str, Any] | None
    propensity: float | None = None

    @property
    def reason(self) -> str:
        """Why, in plain English."""
        return str(self.why)


@dataclass(frozen=True)
class Asking:
    """What the queue is chosen from.

    open_rows: may be asked. held_rows: labelled or in hands; covered. size: of the queue. together: how many of it a
    strategy that compares items chooses at once; the rest of the queue follows by margin.
    """

    task: Task
    features: Features
    fitted: "Fitted | None"
    open_rows: IntArray
    held_rows: IntArray
    size: int
    together: int
    stages: Stages


def pick_strategy(recipe: dict[str, Any], situation: Situation) -> Strategy:
    """The strategy that ranks now: the recipe's, or while the labels are too few the recipe's cold start.

    `maxherding` in place of one that needs a model where there is none.
    """
    strategy = plugins.make("strategies", recipe["strategy"], Strategy)
    given_way = strategy.at(situation)
    if given_way is strategy and situation.is_cold:
        given_way = plugins.make("strategies", recipe["cold_start"], Strategy).at(situation)
    if given_way.needs_model and not situation.has_model:
        return plugins.make("strategies", {"name": "maxherding"}, Strategy)
    return given_way


def choose(strategy: Strategy, asking: Asking, rng: np.random.Generator) -> list[QueueEntry]:
    """The queue: at most `size` of the open rows, best first.

    Candidates in scope, the strategy's ranking of them and then others by margin, near-duplicates left out, classes in
    turn where that is wanted; where that is not enough, what was left out follows, so that the pool is drained.
    """
    fitted = asking.fitted if strategy.needs_model else None
    rows, left = _candidates(strategy, asking, fitted, rng)
    pool, probabilities = _pool(strategy, asking, fitted, rows, rng)
    is_bounded = strategy.needs_features and strategy.needs_model
    n = min(asking.together if is_bounded else _with_spare(asking.size), pool.n)
    ranking = strategy.rank(pool, n, rng)
    _check(ranking, pool.n)
    held = _some(asking.held_rows, rng)
    predicted = _predicted(asking, probabilities)
    ranking = asking.stages.arrange(ranking, rows, asking.features, held, predicted)
    entries = _entries(strategy, asking, probabilities, rows, _first(ranking, asking.size))
    if len(entries) < asking.size and is_bounded:
        entries += _rest(asking, probabilities, rows, ranking.rows, held, predicted)
    entries += _left_out(asking, np.concatenate([rows, left]), entries)
    return entries[: asking.size]


def _candidates(
    strategy: Strategy, asking: Asking, fitted: "Fitted | None", rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """The rows that the strategy sees, in order, and those left out for looking out of scope."""
    rows = asking.open_rows
    if not (strategy.needs_features or strategy.needs_samples or strategy.needs_head):
        return rows, rows[:0]
    doubt = None if fitted is None or fitted.doubt is None else fitted.doubt[rows]
    rows = rows[preselect(len(rows), _most(strategy, asking.features), doubt, rng)]
    inside, outside = asking.stages.in_scope(asking.features, rows, rng)
    return (inside, outside) if len(inside) else (outside, inside)


def _rest(
    asking: Asking,
    probabilities: FloatArray | None,
    rows: IntArray,
    taken: IntArray,
    held: IntArray,
    predicted: IntArray | None,
) -> list[QueueEntry]:
    """The other candidates by margin: what is asked when the queue is eaten faster than rounds come."""
    from app.core.strategies.margin import Margin

    left = np.setdiff1d(np.arange(len(rows)), taken)
    if probabilities is None or not len(left):
        return []
    cuts = asking.features.cuts.some(rows)
    probabilities = probabilities[cuts.of(left)]
    pool = Pool(
        np.empty((len(left), 0), np.float32),
        asking.task.per_unit(probabilities),
        np.repeat(cuts.some(left).owner, asking.task.units),
        np.empty((0, 0), np.float32),
        reducer=asking.task.reducer,
    )
    wanted = asking.size - len(taken)
    ranking = Margin().rank(pool, _with_spare(wanted), np.random.default_rng(0))
    held = np.union1d(held, rows[taken])
    ranking = asking.stages.arrange(
        ranking, rows[left], asking.features, held, None if predicted is None else predicted[left]
    )
    return _entries(Margin(), asking, probabilities, rows[left], _first(ranking, wanted))


def _with_spare(n: int) -> int:
    """Somewhat more, so that what a stage leaves out of so many is made up for; few may be near-copies all of them."""
    return n + max(100, n // 4)


def _first(ranking: Ranking, n: int) -> Ranking:
    drawn = None if ranking.propensities is None else ranking.propensities[:n]
    return Ranking(ranking.rows[:n], ranking.scores[:n], drawn)


def _left_out(asking: Asking, rows: IntArray, entries: list[QueueEntry]) -> list[QueueEntry]:
    """What stages kept out of the queue, where nothing else is left: it is asked last, and never lost."""
    missing = asking.size - len(entries)
    if missing <= 0:
        return []
    rest = np.setdiff1d(rows, [entry.row for entry in entries])[:missing]
    lowest = min((entry.score for entry in entries), default=0.0)
    told = zip(rest.tolist(), _suggestions(asking, rest), strict=True)
    return [QueueEntry(row, min(lowest, 0.0), LEFT_OUT, suggestion) for row, suggestion in told]


def _some(rows: IntArray, rng: np.random.Generator) -> IntArray:
    return rows if len(rows) <= HELD else np.sort(rng.choice(rows, HELD, replace=False))


def _pool(
    strategy: Strategy, asking: Asking, fitted: "Fitted | None", rows: IntArray, rng: np.random.Generator
) -> tuple[Pool, FloatArray | None]:
    """What the strategy sees of these rows, and the chooser's probabilities [pieces, outputs] of them."""
    task, empty = asking.task, np.empty((len(rows), 0), np.float32)
    features, held, some_held = empty, np.empty((0, 0), np.float32), asking.held_rows[:0]
    if strategy.needs_features:
        some_held = _some(asking.held_rows, rng)
        features, held = of_items(asking.features, rows), of_items(asking.features, some_held)
    if fitted is None:
        return Pool(features, np.empty((0, task.unit_classes), np.float32), np.empty(0, np.int64), held), None
    model, cuts = fitted.chooser, asking.features.cuts
    probabilities = _probabilities(asking.features, fitted, rows)
    samples = head = inputs = None
    if strategy.needs_head or strategy.needs_samples:
        raw = features if strategy.needs_features and cuts.is_whole else asking.features.take(cuts.of(rows))
        samples = _samples(strategy, task, model, raw, rng)
        inputs = model.embed(raw) if strategy.needs_head else None
        head = model.head() if strategy.needs_head else None
    if strategy.needs_features and cuts.is_whole:
        features, held = model.embed(features), model.embed(held)
    elif strategy.needs_features:
        features, held = (of_items(asking.features, one, model.embed) for one in (rows, some_held))
    owner = np.repeat(cuts.some(rows).owner, task.units)
    units = task.per_unit(probabilities)
    return Pool(features, units, owner, held, samples, head, inputs, task.reducer), probabilities


def _probabilities(features: Features, fitted: "Fitted", rows: IntArray) -> FloatArray:
    cuts = features.cuts
    if len(rows) == features.rows:
        blocks = [
            fitted.doubts(block, np.arange(start, start + len(block), dtype=np.int64))
            for start, block in features.shards()
        ]
        return np.concatenate(blocks)
    step = 65_536  # of a pool that is read whole, at a time
    pieces = cuts.of(rows)
    runs = [pieces[i : i + step] for i in range(0, len(pieces), step)]
    parts = [fitted.doubts(features.take(run), run) for run in runs]
    return np.concatenate(parts) if parts else np.empty((0, fitted.scores.shape[1]), np.float32)


def _samples(
    strategy: Strategy, task: Task, model: Any, features: FloatArray, rng: np.random.Generator
) -> FloatArray | None:
    if not strategy.needs_samples:
        return None
    drawn = model.sample(features, strategy.needs_samples, rng)
    if drawn is None:
        raise ValueError(f"{strategy.name} needs a learner that can be drawn from: mlp, ensemble or linear")
    return np.stack([task.per_unit(one) for one in drawn])


def _check(ranking: Ranking, n: int) -> None:
    """A strategy that ranks a row twice, or one that is not there, must not reach the queue."""
    rows = ranking.rows
    if len(np.unique(rows)) != len(rows) or (len(rows) and (rows.min() < 0 or rows.max() >= n)):
        raise ValueError("the strategy's ranking holds rows twice or from outside the pool")
    if len(ranking.scores) != len(rows) or not np.isfinite(ranking.scores).all():
        raise ValueError("the strategy's ranking needs a finite score for each row")


def _entries(
    strategy: Strategy, asking: Asking, probabilities: FloatArray | None, rows: IntArray, ranking: Ranking
) -> list[QueueEntry]:
    """The entries of a ranking of `rows`; what is suggested is the opinion of the model that knows every label."""
    task, chosen = asking.task, rows[ranking.rows]
    scores = ranking.scores
    if probabilities is None:
        reasons = [strategy.reason(float(score), ()) for score in scores]
    else:
        cuts = asking.features.cuts.some(rows)
        likely = task.undecided(probabilities[cuts.of(ranking.rows)], cuts.some(ranking.rows))
        reasons = [strategy.reason(float(s), names) for s, names in zip(scores, likely, strict=True)]
    suggestions = _suggestions(asking, chosen)
    drawn = [None] * len(chosen) if ranking.propensities is None else ranking.propensities.tolist()
    return [
        QueueEntry(int(row), float(score), reason, suggestion, propensity)
        for row, score, reason, suggestion, propensity in zip(chosen, scores, reasons, suggestions, drawn, strict=True)
    ]


def _suggestions(asking: Asking, rows: IntArray) -> list[dict[str, Any] | None]:
    if asking.fitted is None:
        return [None] * len(rows)
    pieces = asking.features.cuts.of(rows)
    p = asking.fitted.scores[pieces].astype(np.float32)
    unknown = np.flatnonzero(~np.isfinite(p).all(axis=1))
    if len(unknown):  # labelled, wanted once more, and not measured yet
        p[unknown] = asking.fitted.learner.predict(asking.features.take(pieces[unknown]))
    found = asking.task.opinions(p, asking.features.cuts.some(rows))
    # Only what is whole has details: a cut item's probabilities are its words'.
    details = [{} for _ in found] if asking.task.pieces else asking.task.details(p)
    return [{"answer": answer, "confidence": sure, **more} for (answer, sure), more in zip(found, details, strict=True)]


def _predicted(asking: Asking, probabilities: FloatArray | None) -> IntArray | None:
    """The most probable class of each item, where it has one."""
    if probabilities is None or not asking.task.exclusive or not asking.features.cuts.is_whole:
        return None
    return np.asarray(probabilities.argmax(axis=1))


def _most(strategy: Strategy, features: Features) -> int:
    """How many items it may look at: of items that are cut fewer, so that their pieces are not many more."""
    if not strategy.most or not (strategy.needs_head or strategy.needs_samples):
        return strategy.most
    return max(1, min(strategy.most, LOOKED_AT * features.rows // max(features.cuts.pieces, 1)))
