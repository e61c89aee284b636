"""Every aggregator keeps its contract; majority against numbers worked out by hand."""

import numpy as np
import pytest

from app.core import plugins
from app.core.aggregation import Aggregator, merge_answers
from app.core.aggregation.majority import Majority
from app.core.tasks.classification import Classification
from app.core.tasks.multilabel import Multilabel


def parts(merged):
    return merged.rows, merged.probabilities


@pytest.fixture(params=plugins.names("aggregation"))
def aggregator(request) -> Aggregator:
    return plugins.make("aggregation", {"name": request.param}, Aggregator)


def votes(seed=0, n=60):
    rng = np.random.default_rng(seed)
    return rng.integers(20, size=n) * 3, rng.integers(4, size=n), rng.integers(3, size=n)


def test_units_are_sorted_and_their_probabilities_sum_to_one(aggregator):
    units, annotators, classes = votes()
    merged = aggregator.merge(units, annotators, classes, 5)
    assert merged.units.tolist() == sorted(set(units.tolist()))
    assert merged.probabilities.shape == (len(merged.units), 5)
    assert np.allclose(merged.probabilities.sum(axis=1), 1)
    assert (merged.probabilities >= 0).all()
    assert merged.annotators.keys() == set(annotators.tolist())
    assert all(0 <= quality <= 1 for quality in merged.annotators.values())


def test_the_order_of_votes_is_of_no_effect(aggregator):
    units, annotators, classes = votes()
    order = np.random.default_rng(1).permutation(len(units))
    one = aggregator.merge(units, annotators, classes, 3)
    other = aggregator.merge(units[order], annotators[order], classes[order], 3)
    assert np.allclose(one.probabilities, other.probabilities)


def test_no_votes_make_no_units(aggregator):
    none = np.empty(0, np.int64)
    merged = aggregator.merge(none, none, none, 3)
    assert merged.units.shape == (0,)
    assert merged.probabilities.shape == (0, 3)


def test_agreement_wins(aggregator):
    merged = aggregator.merge(np.repeat([0, 1], 3), np.tile([0, 1, 2], 2), np.array([1, 1, 1, 0, 0, 0]), 2)
    assert merged.probabilities.argmax(axis=1).tolist() == [1, 0]


def test_majority_is_the_share_of_votes():
    merged = Majority().merge(np.array([7, 7, 7, 2, 2]), np.array([1, 2, 3, 1, 2]), np.array([1, 1, 0, 2, 0]), 3)
    assert merged.units.tolist() == [2, 7]
    assert np.allclose(merged.probabilities, [[0.5, 0, 0.5], [1 / 3, 2 / 3, 0]])
    # Unit 2 is a tie between classes 0 and 2 and counts as 0, so that annotator 1 is right once of two times.
    assert merged.annotators == {1: 0.5, 2: 1.0, 3: 0.0}


def test_answers_become_rows_and_class_probabilities():
    answers = [(5, 1, {"class": "a"}), (2, 1, {"class": "b"}), (5, 2, {"class": "b"})]
    rows, targets = parts(merge_answers(Majority(), Classification(["a", "b"]), answers))
    assert rows.tolist() == [2, 5]
    assert targets.tolist() == [[0, 1], [0.5, 0.5]]


def test_each_of_several_classes_is_voted_on_alone():
    answers = [(5, 1, {"classes": ["a"]}), (2, 1, {"classes": []}), (5, 2, {"classes": ["a", "b"]})]
    rows, targets = parts(merge_answers(Majority(), Multilabel(["a", "b"]), answers))
    assert rows.tolist() == [2, 5]
    assert targets.tolist() == [[0, 0], [1, 0.5]]


def test_nobody_answered_yet():
    merged = merge_answers(Majority(), Classification(["a", "b"]), [])
    (rows, targets), quality = parts(merged), merged.annotators
    assert (rows.shape, targets.shape, quality) == ((0,), (0, 2), {})
