"""The benchmark's problems are what the report says of them, and the same for every contestant of a seed."""

import numpy as np
import pytest

from tests.benchmarks.learning import problems
from tests.benchmarks.learning.asking import by_strategy
from tests.benchmarks.learning.data.sets import DataSet
from tests.benchmarks.learning.play import Run, play
from tests.benchmarks.learning.problems import OUT_OF_SCOPE, Problem


@pytest.fixture(scope="module")
def blobs() -> DataSet:
    """1,000 points around five centres."""
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(5), 200)
    X = rng.normal(size=(1000, 8)) + 3 * rng.normal(size=(5, 8))[truth]
    return DataSet("blobs", X.astype(np.float32), truth, list("abcde"))


@pytest.mark.parametrize("variant", list(problems.VARIANTS))
def test_pool_and_test_share_no_row_and_a_seed_says_all(blobs: DataSet, variant: str) -> None:
    one, again, other = (problems.make(blobs, variant, seed, 500) for seed in (3, 3, 4))
    assert not np.intersect1d(one.pool, one.test).size
    assert len(one.pool) <= 500
    assert np.array_equal(one.pool, again.pool)
    assert np.array_equal(one.answers, again.answers)
    assert not np.array_equal(one.pool, other.pool)
    assert (one.truth[one.test] != OUT_OF_SCOPE).all()


def test_the_split_is_70_to_30_in_each_class(blobs: DataSet) -> None:
    given = problems.make(blobs, "plain", 0, 10_000)
    assert np.bincount(given.truth[given.pool]).tolist() == [140] * 5
    assert np.bincount(given.truth[given.test]).tolist() == [60] * 5


def test_an_imbalanced_pool_has_one_of_the_rarest_class_for_fifty_of_the_first(blobs: DataSet) -> None:
    given = problems.make(blobs, "imbalance", 0, 10_000)
    # 140 · 50^(−k/4) for k = 0 … 4
    assert sorted(np.bincount(given.truth[given.pool]).tolist()) == [3, 7, 20, 53, 140]
    assert np.bincount(given.truth[given.test]).tolist() == [60] * 5


def test_three_tenths_of_a_pool_are_out_of_scope_and_the_test_rows_are_not(blobs: DataSet) -> None:
    given = problems.make(blobs, "out_of_scope", 0, 10_000)
    out = (given.answers[given.pool] == OUT_OF_SCOPE).mean()
    assert out == pytest.approx(0.3, abs=0.005)
    # one class of five holds the fifth that is asked for
    assert given.classes == 4
    assert set(given.truth[given.test].tolist()) == {0, 1, 2, 3}


def test_a_fifth_of_the_answers_is_wrong_and_the_truth_is_kept(blobs: DataSet) -> None:
    given = problems.make(blobs, "wrong_labels", 0, 10_000)
    wrong = given.answers[given.pool] != given.truth[given.pool]
    assert wrong.mean() == pytest.approx(0.2, abs=0.04)
    assert np.array_equal(given.answers[given.test], given.truth[given.test])
    assert given.answers.max() < 5


def test_half_of_a_pool_are_near_copies_of_a_tenth_of_it(blobs: DataSet) -> None:
    given = problems.make(blobs, "near_duplicates", 0, 10_000)
    X = given.features[given.pool].astype(float)
    distances = np.linalg.norm(X[:, None] - X[None], axis=2) + 1e9 * np.eye(len(X))
    near = distances.min(axis=1) < 0.03 * np.linalg.norm(X, axis=1)
    assert near.mean() == pytest.approx(0.6, abs=0.02)  # the copies and what they are copies of


def curve(given: Problem, seed: int) -> Run:
    from app.core.strategies.random import Random

    return play(given, by_strategy(given, Random(), False, seed), 10, 60, 60)


def test_a_run_asks_its_budget_in_batches_and_is_repeatable(blobs: DataSet) -> None:
    given = problems.make(blobs, "plain", 0, 10_000)
    run, again = curve(given, 0), curve(given, 0)
    assert run.labels == [10, 20, 30, 40, 50, 60]
    assert (run.rows, run.accuracy) == (again.rows, again.accuracy)
    assert run.rows != curve(given, 1).rows


def test_a_contestant_that_asks_a_row_twice_is_refused(blobs: DataSet) -> None:
    given = problems.make(blobs, "plain", 0, 10_000)
    with pytest.raises(ValueError, match="new rows of the pool"):
        play(given, lambda asked, model, n: (given.pool[:n], 0.0), 10, 60, 60)


def test_an_item_out_of_scope_costs_a_label_and_teaches_no_class(blobs: DataSet) -> None:
    given = problems.make(blobs, "out_of_scope", 0, 10_000)
    foreign = given.pool[given.answers[given.pool] == OUT_OF_SCOPE]
    run = play(given, lambda asked, model, n: (np.setdiff1d(foreign, asked)[:n], 0.0), 10, 20, 60)
    assert run.labels == [10, 20]
    assert run.accuracy[0] == run.accuracy[1]
