"""The record's verdict: by hand from differences, and of queues that are known to be good, bad or random."""

import numpy as np
import pytest

from app.core.cuts import Cuts
from app.core.data import ArrayFeatures
from app.core.labelled import Labelled
from app.core.learners import Learner
from app.core.learners.linear import Linear
from app.core.record import LEAST, _judge, verdict
from app.core.tasks.classification import Classification
from app.core.tasks.multilabel import Multilabel


class Nearest(Learner):
    """The class of the nearest row it was fitted to; quick, and as good as the places it has seen."""

    def fit(self, X, targets, weights, exclusive, rng, folds, n_folds, uniform=None, warm=None):
        self._x, self._targets = X, targets

    def predict(self, X):
        squares = (self._x**2).sum(1) - 2 * X @ self._x.T
        return self._targets[squares.argmin(axis=1)]

    def out_of_fold(self):
        return self._targets

    def state(self):
        return {"x": self._x, "targets": self._targets}

    def load(self, state):
        self._x, self._targets = state["x"], state["targets"]


def clusters(rng, count=80, rows=1500, classes=3):
    """Rows around so many places, whose classes have nothing to do with where they are; the place of each row."""
    places, kinds = 4 * rng.normal(size=(count, 4)), rng.integers(classes, size=count)
    of = rng.integers(count, size=rows)
    x = places[of] + 0.05 * rng.normal(size=(rows, 4))
    return x, np.eye(classes, dtype=np.float32)[kinds[of]], of


def judged(x, targets, drawn, queued, rng, make=Nearest):
    rows = np.sort(np.concatenate([drawn, queued]))
    known = Labelled(rows, targets[rows], targets[rows] > 0.5, 0, Cuts(len(rows)), rows)
    task = Classification([f"class {k}" for k in range(targets.shape[1])])
    return verdict(task, ArrayFeatures(x), known, drawn, queued, make, rng)


def test_the_interval_by_hand() -> None:
    # 10 of 40 rows right by the queue alone, 2 by chance alone: mean 1/5, Σ (d − 1/5)² = 12 − 40/25 = 10.4.
    found = _judge(np.repeat([1.0, -1, 0], [10, 2, 28]), 36)
    half = 1.96 * np.sqrt((10.4 + 2) / 42 * (1 / 40 + 1 / 36))
    assert (found.difference, found.low, found.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half), abs=1e-4)
    assert (found.verdict, found.n, found.labels) == ("open", 40, 36)


def test_a_verdict_is_the_side_of_nought_that_the_whole_interval_is_on() -> None:
    assert _judge(np.repeat([1.0, 0], [20, 20]), 36).verdict == "better"
    assert _judge(np.repeat([-1.0, 0], [20, 20]), 36).verdict == "worse"
    even = _judge(np.zeros(40), 36)
    assert even.verdict == "open"
    assert even.low == -even.high < 0  # rows that all agree are no certainty
    assert _judge(np.ones(30), 27).high == 1.0


def test_with_too_few_rows_of_either_kind_nothing_is_said() -> None:
    rng = np.random.default_rng(0)
    x, targets, _ = clusters(rng)
    assert judged(x, targets, np.arange(LEAST - 1), np.arange(100, 200), rng) is None
    assert judged(x, targets, np.arange(LEAST), np.arange(100, 100 + LEAST // 2 - 1), rng) is None
    assert judged(x, targets, np.arange(LEAST), np.arange(100, 100 + LEAST // 2), rng) is not None


def test_rows_without_a_label_do_not_count() -> None:
    rng = np.random.default_rng(0)
    x, targets, _ = clusters(rng)
    rows = np.arange(LEAST - 1)  # of the drawn rows, and none of the queue's
    known = Labelled(rows, targets[rows], targets[rows] > 0.5, 0, Cuts(len(rows)), rows)
    task = Classification(["a", "b", "c"])
    assert verdict(task, ArrayFeatures(x), known, np.arange(60), np.arange(500, 600), Nearest, rng) is None


def test_both_models_get_as_many_labels() -> None:
    rng = np.random.default_rng(0)
    x, targets, _ = clusters(rng)
    few = judged(x, targets, np.arange(100), np.arange(500, 540), rng)
    many = judged(x, targets, np.arange(100), np.arange(500, 900), rng)
    assert few is not None
    assert many is not None
    assert (few.n, few.labels) == (100, 40)
    assert (many.n, many.labels) == (100, 90)  # what nine of ten folds leave


def test_the_oldest_rows_of_the_queue_are_what_counts() -> None:
    rng = np.random.default_rng(0)
    x, targets, of = clusters(rng)
    firsts = np.array([np.flatnonzero(of[200:] == place)[0] + 200 for place in range(80)])
    same = np.setdiff1d(np.flatnonzero(of == 0), np.arange(200))
    drawn = np.arange(100)
    rest = np.setdiff1d(np.arange(200, 1500), firsts)[:80]
    good = judged(x, targets, drawn, np.concatenate([firsts, rest]), np.random.default_rng(1))
    late = judged(x, targets, drawn, np.concatenate([np.setdiff1d(same, firsts), firsts]), np.random.default_rng(1))
    assert good is not None
    assert late is not None
    assert good.verdict == "better"
    assert late.difference < good.difference


def test_a_queue_that_asks_one_class_only_is_worse(blobs) -> None:
    x, classes = blobs
    targets = np.eye(3, dtype=np.float32)[classes]
    one_class = np.flatnonzero(classes[100:] == 0)[:90] + 100
    found = judged(x, targets, np.arange(100), one_class, np.random.default_rng(0), Linear)
    assert found is not None
    assert found.verdict == "worse"
    # The queue's model is right on one class in three.
    assert found.difference < -0.4


def test_a_queue_that_asks_one_class_only_is_worse_in_all_repetitions() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        x, targets, _ = clusters(rng, count=12)
        one_class = np.flatnonzero(targets[100:, 0] > 0.5)[:90] + 100
        if len(one_class) < LEAST // 2:
            continue
        found = judged(x, targets, np.arange(100), one_class, rng)
        assert found is not None
        assert found.verdict == "worse"


def test_a_queue_that_asks_each_place_once_is_better() -> None:
    rng = np.random.default_rng(0)
    said = []
    for _ in range(30):
        x, targets, of = clusters(rng)
        once = np.array([np.flatnonzero(of[200:] == place)[0] + 200 for place in range(80)])
        found = judged(x, targets, np.arange(150), rng.permutation(once), rng)
        assert found is not None
        said.append(found.verdict)
    assert said.count("better") > 28
    assert "worse" not in said


@pytest.mark.parametrize(("drawn", "queued"), [(40, 200), (150, 150), (300, 60)])
def test_random_against_random_stays_open_in_nearly_all_repetitions(drawn: int, queued: int) -> None:
    rng = np.random.default_rng(3)
    said, differences = [], []
    for _ in range(100):
        x, targets, _ = clusters(rng, rows=drawn + queued)
        found = judged(x, targets, np.arange(drawn), np.arange(drawn, drawn + queued), rng)
        assert found is not None
        said.append(found.verdict)
        differences.append(found.difference)
    assert said.count("open") >= 0.93 * 100
    assert abs(np.mean(differences)) < 0.03


def test_of_several_classes_an_item_is_right_as_a_whole() -> None:
    rng = np.random.default_rng(0)
    x, targets, of = clusters(rng, classes=4)
    several = np.maximum(targets, np.eye(4, dtype=np.float32)[of % 4])
    once = np.array([np.flatnonzero(of[200:] == place)[0] + 200 for place in range(80)])
    rows = np.concatenate([np.arange(150), np.sort(once)])
    known = Labelled(rows, several[rows], several[rows] > 0.5, 0, Cuts(len(rows)), rows)
    task = Multilabel(["a", "b", "c", "d"])
    found = verdict(task, ArrayFeatures(x), known, np.arange(150), once, Nearest, rng)
    assert found is not None
    assert found.verdict == "better"


def test_same_seed_same_verdict() -> None:
    x, targets, _ = clusters(np.random.default_rng(0))
    one, other = (judged(x, targets, np.arange(60), np.arange(100, 160), np.random.default_rng(7)) for _ in range(2))
    assert one == other
