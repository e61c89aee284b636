"""One repetition's problem: a data set split into pool and test, plain or spoiled on purpose."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tests.benchmarks.learning.data.sets import DataSet

TEST_SHARE = 0.3
OUT_OF_SCOPE = -1


@dataclass(frozen=True)
class Problem:
    """What a run may see and what it is judged by.

    features [n, d]. truth [n]: class 0 … classes − 1, or OUT_OF_SCOPE. answers [n]: what the simulated annotator says
    of a row of the pool. pool, test: rows; test rows are in scope and never asked.
    """

    features: np.ndarray
    truth: np.ndarray
    answers: np.ndarray
    classes: int
    pool: np.ndarray
    test: np.ndarray


def make(data: DataSet, variant: str, seed: int, most: int) -> Problem:
    """The problem of this seed, the same for every strategy; a pool of at most so many rows, drawn at random."""
    rng = np.random.default_rng([seed, 70])
    pool, test = _split(data.truth, rng)
    plain = Problem(data.features, data.truth, data.truth.copy(), len(data.classes), pool, test)
    made = VARIANTS[variant](plain, rng)
    kept = made.pool[rng.permutation(len(made.pool))[:most]]
    return replace(made, pool=np.sort(kept))


def _split(truth: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """70 % pool and 30 % test of each class."""
    pool, test = [], []
    for k in np.unique(truth):
        rows = rng.permutation(np.flatnonzero(truth == k))
        cut = round(TEST_SHARE * len(rows))
        test.append(rows[:cut])
        pool.append(rows[cut:])
    return np.sort(np.concatenate(pool)), np.sort(np.concatenate(test))


def _plain(given: Problem, rng: np.random.Generator) -> Problem:
    return given


def _imbalance(given: Problem, rng: np.random.Generator) -> Problem:
    """A long tail in the pool: class k in an order drawn by the seed keeps a share 50^(−k / (K − 1)) of its rows.

    Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019. The test rows stay as they are,
    so that rare classes count as much as they do in the data set.
    """
    kept = []
    for place, k in enumerate(rng.permutation(given.classes)):
        rows = rng.permutation(given.pool[given.truth[given.pool] == k])
        share = 50.0 ** (-place / (given.classes - 1))
        kept.append(rows[: max(1, round(share * len(rows)))])
    return replace(given, pool=np.sort(np.concatenate(kept)))


def _out_of_scope(given: Problem, rng: np.random.Generator) -> Problem:
    """30 % of the pool belong to classes that the project does not have.

    They are the fewest classes, in an order drawn by the seed, that hold a fifth of the data; then the larger side is
    thinned out to 30 to 70. Labelling such an item costs a label and teaches nothing about the classes.
    """
    order = rng.permutation(given.classes)
    sizes = np.bincount(given.truth[given.pool], minlength=given.classes)[order]
    n_out = min(int(np.searchsorted(np.cumsum(sizes) / sizes.sum(), 0.2)) + 1, given.classes - 2)
    number = np.full(given.classes, OUT_OF_SCOPE)
    number[np.sort(order[n_out:])] = np.arange(given.classes - n_out)
    truth = number[given.truth]
    out, into = (rng.permutation(given.pool[side]) for side in (truth[given.pool] < 0, truth[given.pool] >= 0))
    out, into = out[: round(len(into) * 3 / 7)], into[: round(len(out) * 7 / 3)]
    test = given.test[truth[given.test] >= 0]
    return Problem(
        given.features, truth, truth.copy(), given.classes - n_out, np.sort(np.concatenate([out, into])), test
    )


def _wrong_labels(given: Problem, rng: np.random.Generator) -> Problem:
    """The annotator names another class, each as likely as any other, for 20 % of the pool; the test stays clean."""
    wrong = given.pool[rng.random(len(given.pool)) < 0.2]
    answers = given.answers.copy()
    answers[wrong] = (answers[wrong] + rng.integers(1, given.classes, len(wrong))) % given.classes
    return replace(given, answers=answers)


def _near_duplicates(given: Problem, rng: np.random.Generator) -> Problem:
    """Half of the pool are near copies of a tenth of it, five of each: their features differ by 1 % of their norm."""
    order = rng.permutation(given.pool)
    copies = order[: len(order) // 2]
    originals = np.resize(order[len(copies) : len(copies) + max(1, len(order) // 10)], len(copies))
    features, truth = given.features.copy(), given.truth.copy()
    noise = rng.normal(size=(len(copies), features.shape[1]))
    noise *= 0.01 * np.linalg.norm(features[originals], axis=1, keepdims=True) / np.linalg.norm(noise, axis=1)[:, None]
    features[copies] = features[originals] + noise
    truth[copies] = truth[originals]
    return replace(given, features=features, truth=truth, answers=truth.copy())


VARIANTS: dict[str, Callable[[Problem, np.random.Generator], Problem]] = {
    "plain": _plain,
    "imbalance": _imbalance,
    "out_of_scope": _out_of_scope,
    "wrong_labels": _wrong_labels,
    "near_duplicates": _near_duplicates,
}
