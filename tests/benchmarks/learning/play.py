"""The loop of the benchmark: fit, measure on the test rows, ask a batch, and so on to the end of the budget."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from time import process_time

import numpy as np

from tests.benchmarks.learning.model import Model, scores
from tests.benchmarks.learning.problems import Problem

# (rows asked so far, the model of their answers, how many to ask) → (rows to ask, seconds of a processor it took).
Asker = Callable[[np.ndarray, Model, int], tuple[np.ndarray, float]]


@dataclass
class Run:
    """The curve of one run: labels asked before each measurement, accuracy and macro-F1 on the test rows, and seconds.

    query: of choosing, for each batch; fit: of the learner, all in all; both of one processor. rows: a digest of what
    was asked, in order. stopped: choosing took too long.
    """

    labels: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    macro_f1: list[float] = field(default_factory=list)
    query: list[float] = field(default_factory=list)
    fit: float = 0.0
    rows: str = ""
    stopped: bool = False


def play(problem: Problem, ask: Asker, batch: int, budget: int, most: float) -> Run:
    """One run of at most `budget` labels; broken off after `most` seconds of choosing."""
    run, model, asked = Run(), Model(problem), np.empty(0, np.int64)
    while True:
        began = process_time()
        model.fit(asked)
        run.fit += process_time() - began
        if len(asked):
            accuracy, macro_f1 = scores(problem, model)
            run.labels.append(len(asked))
            run.accuracy.append(round(accuracy, 5))
            run.macro_f1.append(round(macro_f1, 5))
        run.stopped = sum(run.query) > most
        n = min(batch, budget - len(asked), len(problem.pool) - len(asked))
        if n <= 0 or run.stopped:
            break
        rows, seconds = ask(asked, model, n)
        run.query.append(round(seconds, 6))
        asked = np.concatenate([asked, _checked(problem, asked, rows, n)])
    run.rows = sha256(asked.astype(np.int64).tobytes()).hexdigest()[:16]
    return run


def _checked(problem: Problem, asked: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """A contestant that asks twice, asks a test row or asks too little must not pass unseen."""
    rows = np.asarray(rows, np.int64)[:n]
    if len(np.unique(rows)) != n or np.isin(rows, asked).any() or not np.isin(rows, problem.pool).all():
        raise ValueError(f"{n} new rows of the pool were wanted, and it chose {rows.tolist()}")
    return rows
