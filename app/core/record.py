"""The project's own record: whether asking by the queue has taught more than asking at random, label for label."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from app.core.data import Features, FloatArray, IntArray
from app.core.labelled import Labelled
from app.core.learners import Learner
from app.core.tasks import Task

FOLDS = 10
LEAST = 30  # random rows; fewer would leave it open however bad the strategy is
MOST = 1000  # random rows looked at: bounds the cost to eleven small fits


@dataclass(frozen=True)
class Verdict:
    """What the record says of the queue against random asking: "better", "worse" or "open".

    difference: accuracy after `labels` labels of the queue less that after as many random ones, between low and high
    with 95 %; measured on n rows that were drawn at random.
    """

    verdict: str
    difference: float
    low: float
    high: float
    n: int
    labels: int


def verdict(
    task: Task,
    features: Features,
    labelled: Labelled,
    drawn_rows: IntArray,
    queued_rows: IntArray,
    make: Callable[[], Learner],
    rng: np.random.Generator,
) -> Verdict | None:
    """Compare models of the random rows with models of as many of the queue's, both oldest first; None with too few.

    The random rows R are cut into f = 10 folds. For each, one learner is fitted to k rows of R outside of the fold and
    one to the first k rows of the queue, k the same; both are tested on the fold: d_i is right_i(queue) less
    right_i(random), for every i in R. The difference is their mean, its variance s²_d (1/|R| + 1/k): the folds'
    training sets overlap, and other k rows would have made other models, which the spread within the test rows does not
    show (Nadeau & Bengio, "Inference for the generalization error", Machine Learning 2003: 1/f + n₂/n₁ in place of
    1/f, with n₂ = |R|/f test and n₁ = k training rows).

    It leans towards "random": the queue's rows were chosen to complete the random ones, which its model is denied here.
    """
    places = {int(row): place for place, row in enumerate(labelled.rows)}
    drawn = np.array([places[row] for row in drawn_rows.tolist() if row in places][:MOST], np.int64)
    queued = np.array([places[row] for row in queued_rows.tolist() if row in places], np.int64)
    if len(drawn) < LEAST or len(queued) < LEAST // 2:
        return None
    taken = np.concatenate([drawn, queued[: len(drawn)]])
    known = labelled.some(taken)
    x = features.take(known.pieces)
    at_random, by_queue = np.arange(len(drawn)), np.arange(len(drawn), len(taken))
    folds = rng.permutation(len(drawn)) % FOLDS
    difference = np.empty(len(drawn))
    k = 0
    fitted: dict[int, Learner] = {}
    for fold in range(FOLDS):
        test, rest = at_random[folds == fold], at_random[folds != fold]
        k = min(len(rest), len(by_queue))
        if k not in fitted:
            fitted[k] = _fit(task, x, known, by_queue[:k], make, rng)
        random = _fit(task, x, known, rest[:k], make, rng)
        asked = known.some(test)
        right = [asked.right(task, learner.predict(x[known.cuts.of(test)])) for learner in (fitted[k], random)]
        difference[test] = right[0].astype(float) - right[1]
    return _judge(difference, k)


def _judge(difference: FloatArray, k: int, level: float = 0.95) -> Verdict:
    n = len(difference)
    mean = float(difference.mean())
    # One more row of each kind: rows that all agree are no certainty.
    variance = (float(((difference - mean) ** 2).sum()) + 2) / (n + 2)
    half = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(variance * (1 / n + 1 / k)))
    low, high = max(-1.0, mean - half), min(1.0, mean + half)
    said = "better" if low > 0 else "worse" if high < 0 else "open"
    return Verdict(said, mean, low, high, n, k)


def _fit(
    task: Task, x: FloatArray, known: Labelled, rows: IntArray, make: Callable[[], Learner], rng: np.random.Generator
) -> Learner:
    learner = make()
    at = known.cuts.of(rows)
    ones, no_folds = np.ones(len(at), np.float32), np.zeros(len(at), np.int64)
    learner.fit(x[at], known.targets[at], ones, task.exclusive, rng, no_folds, 0)
    return learner
