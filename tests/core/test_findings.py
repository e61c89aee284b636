"""What a measured round finds beside its model's quality, on rows small enough to count."""

from typing import Any

import numpy as np
import pytest

from app.core.cuts import Cuts
from app.core.data import ArrayFeatures
from app.core.findings import History, findings, judged_before
from app.core.labelled import Labelled
from app.core.learners.linear import Linear
from app.core.tasks.classification import Classification

TASK = Classification(["a", "b"])
NONE = np.empty(0, np.int64)


def pool(n: int = 200) -> tuple[ArrayFeatures, np.ndarray]:
    """Two groups that can be told apart but for one in ten, and their classes."""
    rng = np.random.default_rng(2)
    classes = rng.integers(2, size=n)
    X = np.where(classes[:, None] > 0, 1.0, -1.0) + rng.normal(scale=0.78, size=(n, 1))
    return ArrayFeatures(np.hstack([X, rng.normal(size=(n, 3))]).astype(np.float32)), classes


def labelled(rows: np.ndarray, classes: np.ndarray) -> Labelled:
    targets = np.eye(2, dtype=np.float32)[classes[rows]]
    return Labelled(rows, targets, targets > 0, 0, Cuts(len(rows)), rows)


def scores(predicted: np.ndarray) -> np.ndarray:
    return np.where(np.arange(2) == predicted[:, None], 0.8, 0.2).astype(np.float32)


class Counting(Linear):
    """A learner that counts how many were made."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        Counting.made += 1


def find(history: History, n: int = 100, predicted: np.ndarray | None = None, make: Any = Linear) -> Any:
    features, classes = pool()
    rows = np.arange(n)
    p = scores(classes if predicted is None else predicted)
    rng = np.random.default_rng(0)
    return findings(TASK, features, labelled(rows, classes), p, rows < n // 2, history, make, rng)


def history(**changed: Any) -> History:
    empty: dict[str, Any] = {"drawn_rows": NONE, "queued_rows": NONE, "picked_rows": NONE, "picked_with": None}
    return History(**(empty | {"checkpoint": None} | changed))


def test_without_a_past_there_are_intervals_and_a_first_checkpoint() -> None:
    found, checkpoint = find(history())
    assert (found["lure"], found["stability"], found["verdict"]) == (None, None, None)
    assert found["intervals"].keys() == {"macro_f1", "log_loss", "calibration"}
    assert found["intervals"]["macro_f1"] == (1.0, 1.0)
    assert checkpoint is not None
    assert (checkpoint[0], len(checkpoint[1])) == (100, 200)


def test_one_audited_item_has_no_intervals() -> None:
    assert find(history(), n=2)[0]["intervals"] is None


def test_models_are_compared_once_the_labels_have_grown_by_a_tenth() -> None:
    _, classes = pool()
    before = classes.copy()
    before[:20] = 1 - before[:20]
    found, checkpoint = find(history(checkpoint=(90, before)), n=98)
    assert (found["stability"], checkpoint) == (None, None)
    found, checkpoint = find(history(checkpoint=(90, before)), n=100)
    assert checkpoint is not None
    assert found["stability"]["since"] == 90
    assert found["stability"]["changed"] == pytest.approx(0.1)
    p, q = classes.mean(), before.mean()
    chance = p * q + (1 - p) * (1 - q)
    assert found["stability"]["kappa"] == pytest.approx((0.9 - chance) / (1 - chance))


def test_a_pool_that_has_grown_begins_a_new_comparison() -> None:
    found, checkpoint = find(history(checkpoint=(10, np.zeros(150, np.int64))))
    assert found["stability"] is None
    assert checkpoint is not None
    assert checkpoint[0] == 100


def test_equal_probabilities_weigh_every_pick_the_same() -> None:
    _, classes = pool()
    predicted = classes.copy()
    predicted[:10] = 1 - predicted[:10]  # of the 100 picked ones ten are wrong
    uniform = 1 / (200 - np.arange(100))
    picked = history(picked_rows=np.arange(100), picked_with=uniform)
    lure = find(picked, predicted=predicted)[0]["lure"]
    assert lure["estimate"] == pytest.approx(0.9)
    assert (lure["n"], lure["effective"]) == (100, pytest.approx(100))


def test_a_pick_that_nobody_answered_keeps_its_place_and_says_nothing() -> None:
    rows = np.concatenate([[150], np.arange(100)])  # the first one picked was skipped
    lure = find(history(picked_rows=rows, picked_with=1 / (200 - np.arange(101))))[0]["lure"]
    assert (lure["estimate"], lure["n"]) == (pytest.approx(1.0), 100)


def test_the_record_is_judged_again_when_its_random_rows_have_grown() -> None:
    rows = np.arange(100)
    Counting.made = 0
    first = find(history(drawn_rows=rows[:40], queued_rows=rows[40:]), make=Counting)[0]["verdict"]
    assert first["n"] == 40
    assert first["verdict"] == "open"
    made = Counting.made
    assert made > 1
    again = find(history(drawn_rows=rows[:43], queued_rows=rows[43:], verdict=first), make=Counting)[0]["verdict"]
    assert (again, Counting.made) == (first, made)
    later = find(history(drawn_rows=rows[:44], queued_rows=rows[44:], verdict=first), make=Counting)[0]["verdict"]
    assert later["n"] == 44


def test_random_rows_are_judged_by_the_scores_from_before_their_labels() -> None:
    _, classes = pool()
    predicted = classes.copy()
    predicted[[3, 5]] = 1 - predicted[[3, 5]]
    before = scores(predicted)
    before[7] = np.nan  # nothing was said of it
    known = labelled(np.arange(10), classes)
    assert judged_before(TASK, known, np.array([3, 4, 5, 6, 7, 50]), before) == {"n": 4, "right": 2}
    assert judged_before(TASK, known, np.array([50]), before) is None
    assert judged_before(TASK, known, np.array([3]), None) is None
    assert judged_before(TASK, known, np.array([3]), np.zeros((200, 5))) is None  # of other classes


def test_rows_that_came_after_the_scores_are_left_out() -> None:
    _, classes = pool()
    assert judged_before(TASK, labelled(np.arange(10), classes), np.array([8]), scores(classes[:5])) is None
