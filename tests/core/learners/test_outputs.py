"""What every learner says of classes that it cannot tell, and which model a row is shown to."""

import numpy as np
import pytest
import torch

from app.core.learners._outputs import Outputs, grouped, kept


def of(classes: list[int], n_classes: int, exclusive: bool = True) -> Outputs:
    targets = torch.eye(n_classes)[torch.tensor(classes)]
    return Outputs.of(targets, torch.ones(len(classes), 1), exclusive)


def test_unseen_classes_share_how_often_a_class_was_seen_once():
    # Of 10 labels 3 are their class's only one: the next is new with 0.3, shared by 2 unseen of 8 classes; U/K = 0.25.
    assert of([0, 0, 0, 1, 1, 2, 2, 3, 4, 5], 8).prior[0].tolist() == pytest.approx([0] * 6 + [0.125] * 2)
    # Of 20 labels 3: 0.15, between U / (n + K) = 3/28 and U / K = 3/8.
    assert of([0] * 9 + [1] * 8 + [2, 3, 4], 8).prior[0, 5:].tolist() == pytest.approx([0.05] * 3)
    # Nobody was seen once: as if each of 4 classes was seen once more, 2 / (8 + 4) for the two unseen.
    assert of([0] * 4 + [1] * 4, 4).prior[0].tolist() == pytest.approx([0, 0, 1 / 12, 1 / 12])
    assert of([0, 1], 2).prior[0].tolist() == [0, 0]


def test_a_question_with_one_answer_only_gets_that_answers_share():
    outputs = of([0, 0, 1], 3, exclusive=False)
    assert outputs.seen[0].tolist() == [True, True, False]
    assert outputs.prior[0].tolist() == pytest.approx([0, 0, 1 / 5])  # no yes of three: (0 + 1) / (3 + 2)


def test_probabilities_by_hand():
    outputs = of([0] * 4 + [1] * 4, 4)
    outputs.temperature = 2.0
    p = outputs.probabilities(torch.tensor([[2 * np.log(3.0), 0.0, 50.0, 50.0]]))
    assert p[0].tolist() == pytest.approx([0.75 * 5 / 6, 0.25 * 5 / 6, 1 / 12, 1 / 12])


def test_a_last_layer_has_the_temperature_in_it_and_never_an_unseen_class_ahead():
    outputs = of([0] * 4 + [1] * 4, 3)
    outputs.temperature = 0.5
    head = outputs.head(torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([-100.0, -90.0, 7.0]))
    assert head.tolist() == [[-2, 2, 0], [-10, 10, -20]]  # divided by ½, and the seen ones moved to a mean of 0


def test_the_model_of_a_fold_has_no_weight_for_it():
    assert kept(np.array([0, 1, 0]), 2).tolist() == [[False, True, True], [True, False, True], [False, True, True]]
    assert kept(np.array([0, 0]), 0).tolist() == [[True], [True]]


def test_folds_are_grouped_in_five_that_never_change():
    model, groups = grouped(np.array([0, 4, 5, 19]), 20)
    assert (model.tolist(), groups) == ([0, 4, 0, 4], 5)
    assert grouped(np.array([0, 2]), 3)[1] == 3
    assert grouped(np.array([7, 7]), 0)[0].tolist() == [0, 0]
