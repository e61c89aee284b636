"""Exemplars, worked out by hand: two numbers an item, three classes."""

import numpy as np

from app.core import exemplars as room
from app.core.aggregation.majority import Majority
from app.core.cuts import Cuts
from app.core.data import ArrayFeatures
from app.core.exemplars import exemplars, of_class
from app.core.labelled import merge
from app.core.tasks.classification import Classification
from app.core.tasks.multilabel import Multilabel
from app.core.tasks.spans import Spans

NONE = np.empty(0, np.int64)


def members(n, *classes):
    found = np.zeros((n, 3), bool)
    found[:, list(classes)] = True
    return found


def test_typical_are_the_nearest_to_the_centre_of_those_that_the_model_is_surely_right_about():
    x = np.array([[0, 0], [1, 0], [4, 0], [2, 0], [3, 0]], np.float32) + np.array([0, 9], np.float32)  # centre (2, 9)
    p = np.array([[0.6, 0.2, 0.2], [0.9, 0.1, 0], [0.9, 0, 0.1], [0.3, 0.6, 0.1], [0.8, 0.1, 0.1]])
    typical, near, neighbour = of_class(x, p, members(5, 0), 0, 1.0)
    assert typical.tolist() == [1, 2]  # 3 is wrong, 0 and 4 are in the less sure half
    assert neighbour == 1  # .2 + .1 + 0 + .6 + .1 = 1, of class 2 it is .5
    assert near.tolist() == [3, 0]  # |.3 − .6| and |.6 − .2|; of 4 it is .7


def test_who_is_like_a_chosen_one_shows_nothing_new():
    x = np.array([[1, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    nothing = np.full((4, 3), np.nan)
    assert of_class(x, nothing, members(4, 2), 2, 0.99)[0].tolist() == [0, 3, 2]  # 1 is the same as 0


def test_without_predictions_nothing_is_near_and_a_wrong_one_is_never_typical():
    x = np.eye(3, dtype=np.float32)
    p = np.array([[np.nan] * 3, [0.1, 0.8, 0.1], [np.nan] * 3])
    typical, near, neighbour = of_class(x, p, members(3, 0), 0, 0.99)
    assert (typical.tolist(), near.tolist(), neighbour) == ([0, 2], [], None)  # |.1 − .8| is not close
    _, near, neighbour = of_class(x, np.full((3, 3), np.nan), members(3, 0), 0, 0.99)
    assert (near.tolist(), neighbour) == ([], None)


def test_of_several_classes_the_items_own_are_no_neighbours():
    p = np.array([[0.9, 0.9, 0.2], [0.6, 0.8, 0.4]])
    _, near, neighbour = of_class(np.eye(2, dtype=np.float32), p, members(2, 0, 1), 0, 0.99)
    assert neighbour == 2
    assert near.tolist() == [1]  # |.6 − .4|; of the other one it is .7


def merged(task, answers, rows):
    return merge(task, answers, ArrayFeatures(np.zeros((rows, 2))).cuts, Majority())


TASK = Classification(["a", "b", "c"])


def test_only_what_people_agree_on_and_nobody_may_be_asked_any_more():
    answers = [(0, 1, "a"), (0, 2, "a"), (1, 1, "a"), (1, 2, "b"), (2, 1, "a"), (3, 1, "b"), (4, 1, "a")]
    labelled = merged(TASK, [(row, who, {"class": name}) for row, who, name in answers], 6)
    x = ArrayFeatures(np.arange(12).reshape(6, 2))
    found = exemplars(TASK, labelled, x, None, np.array([4, 5]), 2.0, np.random.default_rng(0))
    assert [sorted(one.typical.tolist()) for one in found] == [[0, 2], [3], []]
    assert all(one.neighbour is None for one in found)


def test_without_labels_there_are_none():
    found = exemplars(
        TASK, merged(TASK, [], 6), ArrayFeatures(np.zeros((6, 2))), None, NONE, 1, np.random.default_rng()
    )
    assert [(len(one.typical), len(one.near), one.neighbour) for one in found] == [(0, 0, None)] * 3


def test_of_a_large_project_a_bounded_part_is_looked_at(monkeypatch):
    monkeypatch.setattr(room, "LOOKED_AT", 90)  # 30 of each class
    seen = []
    of_items = room.of_items
    monkeypatch.setattr(room, "of_items", lambda features, rows: seen.append(len(rows)) or of_items(features, rows))
    labelled = merged(TASK, [(row, 1, {"class": "abc"[row % 3]}) for row in range(3000)], 3000)
    x = ArrayFeatures(np.random.default_rng(1).normal(size=(3000, 2)))
    found = exemplars(TASK, labelled, x, None, NONE, 1.1, np.random.default_rng(0))
    assert seen == [90]
    assert [{row % 3 for row in one.typical.tolist()} for one in found] == [{0}, {1}, {2}]


def test_several_classes_show_an_item_under_each_that_is_agreed():
    task = Multilabel(["a", "b", "c"])
    answers = [(0, 1, {"classes": ["a", "b"]}), (0, 2, {"classes": ["a"]}), (1, 1, {"classes": ["b", "c"]})]
    labelled = merged(task, answers, 2)
    found = exemplars(task, labelled, ArrayFeatures(np.eye(2)), None, NONE, 1, np.random.default_rng(0))
    assert [one.typical.tolist() for one in found] == [[0], [1], [1]]


def test_a_text_with_spans_shows_each_class_that_it_holds():
    task = Spans(["who", "where"])
    where = np.array([[0, 3], [4, 8]], np.int32)
    features = ArrayFeatures(np.arange(8).reshape(4, 2), Cuts.of_items([where, where]))
    answers = [
        (0, 1, {"spans": [{"start": 0, "end": 3, "class": "who"}]}),
        (1, 1, {"spans": [{"start": 0, "end": 3, "class": "who"}, {"start": 4, "end": 8, "class": "where"}]}),
    ]
    labelled = merge(task, answers, features.cuts, Majority())
    # Tags: none, begin and inside of who, of where. The first text's word may be a place, as well.
    scores = np.array([[0, 0.5, 0.05, 0.4, 0.05], [1, 0, 0, 0, 0], [0, 0.9, 0.1, 0, 0], [0, 0, 0, 0.6, 0.4]])
    who, place = exemplars(task, labelled, features, scores, NONE, 2.0, np.random.default_rng(0))
    assert (who.typical.tolist(), who.near.tolist(), who.neighbour) == ([1], [0], 1)
    assert place.typical.tolist() == [1]
