"""Stages inside a round: what people called out of scope waits, copies are asked once, and nothing is ever lost."""

from dataclasses import replace

import numpy as np

from app.core.data import ArrayFeatures
from app.core.round import RoundInput, run
from app.core.tasks.classification import Classification

NONE = np.empty(0, np.int64)
TASK = Classification(["left", "right"])


def given(X, labelled, classes, **changed):
    fields = {
        "task": TASK,
        "recipe": {},
        "features": ArrayFeatures(X),
        "answers": [(int(row), 1, {"class": TASK.classes[classes[row]]}) for row in labelled],
        "open_rows": np.setdiff1d(np.arange(len(X)), labelled),
        "busy_rows": NONE,
        "audit_rows": NONE,
        "previous": None,
        "queue_size": 20,
        "seed": 1,
        "step": lambda _: None,
        "measuring": "never",
    }
    return RoundInput(**(fields | changed))


def three_towns():
    """100 points each of two classes side by side, and 100 of something else between and above them."""
    rng = np.random.default_rng(5)
    centres = np.array([[-1, 0, 0, 0], [1, 0, 0, 0], [0, 1.5, 0, 0]])
    town = np.repeat(np.arange(3), 100)
    return (centres[town] + 0.25 * rng.normal(size=(300, 4))).astype(np.float32), town


def rows(result):
    return [entry.row for entry in result.queue]


def test_what_resembles_items_called_out_of_scope_is_asked_last():
    X, town = three_towns()
    labelled, foreign = np.r_[np.arange(8), np.arange(100, 108)], np.arange(200, 206)
    # The doubtful ones are those of the third town, which lies between the classes.
    without = run(given(X, labelled, town))
    told = given(X, labelled, town, foreign_rows=foreign, open_rows=np.setdiff1d(np.arange(300), [*labelled, *foreign]))
    assert np.mean([town[row] == 2 for row in rows(without)]) > 0.6
    assert np.mean([town[row] == 2 for row in rows(run(told))]) < 0.1
    everything = rows(run(replace(told, queue_size=1000)))
    assert sorted(everything) == told.open_rows.tolist()
    assert {town[row] for row in everything[-60:]} == {2}
    ignored = run(replace(told, recipe={"leave_out_of_scope": False}))
    assert np.mean([town[row] == 2 for row in rows(ignored)]) > 0.6


def test_a_copy_is_asked_once_and_after_everything_else():
    X, town = three_towns()
    X, town = X[:200], town[:200]
    doubled, classes = np.concatenate([X, X]), np.concatenate([town, town])
    labelled = np.r_[np.arange(8), np.arange(100, 108)]
    queue = rows(run(given(doubled, labelled, classes, queue_size=1000)))
    firsts = [row % 200 for row in queue]
    assert len(set(firsts[:184])) == 184  # 200 less the 16 that are labelled
    assert not set(firsts[:184]) & set(labelled.tolist())
    assert sorted(queue) == sorted(set(range(400)) - set(labelled.tolist()))
    twice = rows(run(given(doubled, labelled, classes, queue_size=1000, recipe={"ask_duplicates_once": False})))
    assert len({row % 200 for row in twice[:184]}) < 184


def test_classes_come_in_turn_where_that_is_wanted():
    X, town = three_towns()
    X, town = X[:200], town[:200]
    labelled = np.r_[np.arange(14), [100, 101]]
    balanced = run(given(X, labelled, town, recipe={"balance_classes": True, "strategy": {"name": "margin"}}))
    assert np.mean([town[row] for row in rows(balanced)[:10]]) > 0.9


def test_what_was_drawn_by_lot_stays_as_it_was_drawn():
    X, town = three_towns()
    labelled = np.r_[np.arange(8), np.arange(100, 108)]
    drawn = run(given(X, labelled, town, recipe={"strategy": {"name": "power"}}, foreign_rows=np.arange(200, 206)))
    assert all(0 < entry.propensity <= 1 for entry in drawn.queue)
    assert len(drawn.queue) == 20
