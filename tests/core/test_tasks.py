"""Every task: its example goes in and comes out, bad answers are refused with a sentence."""

import numpy as np
import pytest

from app.core import plugins, tasks, words
from app.core.aggregation import merge_answers
from app.core.aggregation.majority import Majority
from app.core.cuts import Cuts
from app.core.tasks import InvalidAnswer, Task
from app.core.tasks.classification import Classification
from app.core.tasks.multilabel import Multilabel
from app.core.tasks.rating import Rating

CLASSES = ["refund", "card lost", "other"]


@pytest.fixture(params=plugins.names("tasks"))
def task(request) -> Task:
    return tasks.load({"kind": request.param, "classes": [{"name": name} for name in CLASSES]})


def test_the_example_comes_back_as_it_went_in(task):
    content, answer = task.example()
    cuts = Cuts.of_items([words.cut(content["text"])]) if task.pieces else Cuts(1)
    outcomes = task.encode(content, answer, cuts.bounds)
    assert outcomes.shape == (cuts.pieces * task.units,)
    certain = task.per_class(task.one_hot(outcomes).reshape(cuts.pieces, task.units, task.unit_classes))
    assert certain.shape == (cuts.pieces, task.outputs)
    whole = certain if task.pieces else certain[0]
    assert task.decode(whole, cuts.bounds) == answer
    assert task.normalise(content, answer) == answer
    assert task.confidence(whole) == pytest.approx(1)
    assert task.opinions(certain, cuts) == [(answer, pytest.approx(1))]
    assert task.members(certain, cuts).tolist() == (certain > 0.5).tolist()


def test_answers_of_several_people_lose_nothing_that_all_say(task):
    _, answer = task.example()
    merged = merge_answers(Majority(), task, [(7, 1, answer), (7, 2, answer), (3, 1, answer)])
    assert merged.rows.tolist() == [3, 7]
    assert [said for said, _ in task.opinions(merged.probabilities, merged.cuts)] == [answer, answer]


def test_an_answer_goes_through_a_cell_of_a_table(task):
    content, answer = task.example()
    assert task.normalise(content, task.from_cell(task.plain(answer))) == answer
    assert set(task.names(answer)) <= set(task.classes)


def test_a_stored_answer_to_a_class_that_is_gone_fits_no_more(task):
    _, answer = task.example()
    assert task.fits(answer)
    assert not type(task)(["refund two", "lost", "others"]).fits(answer)


def test_units_and_classes_are_two_views_of_one_thing(task):
    p = np.random.default_rng(0).dirichlet(np.ones(task.outputs), size=5)
    units = task.per_unit(p)
    assert units.shape == (5 * task.units, task.unit_classes)
    assert np.allclose(units.sum(axis=1), 1)
    assert np.allclose(task.per_class(units.reshape(5, task.units, task.unit_classes)), p)


@pytest.mark.parametrize("answer", [None, 1, "refund", [], {}, {"klass": "refund"}, {"class": None, "classes": 3}])
def test_an_answer_of_the_wrong_form_is_refused(task, answer):
    with pytest.raises(InvalidAnswer, match=r"[A-Z“].*\."):
        task.encode({}, answer)


def test_an_unknown_key_beside_a_good_answer_is_refused(task):
    with pytest.raises(InvalidAnswer, match="note"):
        task.encode({}, {**task.example()[1], "note": "x"})


def test_a_task_states_its_facts_without_an_import(task):
    facts = plugins.describe_one("tasks", type(task).__module__.rsplit(".", 1)[-1]).facts
    assert {"title", "widget", "exclusive"} <= facts.keys()


def test_an_unknown_class_is_named_together_with_those_there_are():
    with pytest.raises(InvalidAnswer, match=r"“refnd”.*refund, card lost, other"):
        Classification(CLASSES).encode({}, {"class": "refnd"})
    with pytest.raises(InvalidAnswer, match="“refnd”"):
        Multilabel(CLASSES).encode({}, {"classes": ["refund", "refnd"]})


@pytest.mark.parametrize("named", [["refund", ["other"]], "refund", {"refund": 1}, [1]])
def test_several_classes_are_a_list_of_names(named):
    with pytest.raises(InvalidAnswer):
        Multilabel(CLASSES).encode({}, {"classes": named})


def test_several_classes_have_one_form():
    task = Multilabel(CLASSES)
    assert task.normalise({}, {"classes": ["other", "refund", "other"]}) == {"classes": ["refund", "other"]}
    assert task.normalise({}, {"classes": []}) == {"classes": []}


def test_a_tie_goes_to_the_lower_index():
    assert Classification(CLASSES).decode(np.array([0.2, 0.4, 0.4])) == {"class": "card lost"}
    assert Multilabel(CLASSES).decode(np.array([0.5, 0.51, 0.4])) == {"classes": ["card lost"]}


def test_confidence_in_several_classes_is_that_of_all_together():
    assert Multilabel(CLASSES).confidence(np.array([0.9, 0.2, 0.5])) == pytest.approx(0.9 * 0.8 * 0.5)


@pytest.mark.parametrize("classes", [[], ["a", "a"]])
def test_a_task_needs_distinct_classes(classes):
    with pytest.raises(ValueError, match="distinct"):
        Classification(classes)


def test_a_suggested_rating_tells_what_is_expected():
    p = np.array([[0.5, 0, 0, 0, 0, 0.5], [0, 0.1, 0.2, 0.7, 0, 0]], np.float32)
    scale = Rating([str(step) for step in range(6)])
    assert [one["expected"] for one in scale.details(p)] == [2.5, 2.6]  # Σ k·p_k
    assert scale.details(p)[1]["probabilities"] == [0, 0.1, 0.2, 0.7, 0, 0]
    assert Rating(["3", "1"]).details(np.array([[0.25, 0.25]])) == [{"expected": 2.0, "probabilities": [0.5, 0.5]}]
    assert Rating(["poor", "good"]).details(np.array([[0.25, 0.75]])) == [{"probabilities": [0.25, 0.75]}]
