"""Replays: what is asked, what is measured on rows that never are, and that equal seeds compare in pairs."""

from dataclasses import replace

import numpy as np
import pytest

from app.core import plugins
from app.core.data import ArrayFeatures
from app.core.replays import played, read_spec, replays, rounds_of, written
from app.core.round import DEFAULTS
from app.core.simulate import Budget, Known, full, replay, rounds, targets_of, test_rows, with_strategy
from app.core.tasks.classification import Classification
from app.core.tasks.multilabel import Multilabel

test_rows.__test__ = False  # a function's name, no test
TASK = Classification(["a", "b", "c"])
RANDOM = {"name": "random"}


@pytest.fixture
def known(blobs):
    """300 points, every tenth out of scope."""
    X, classes = blobs
    answers = [None if row % 10 == 0 else {"class": "abc"[classes[row]]} for row in range(300)]
    return Known(TASK, ArrayFeatures(X[:300]), answers)


def asked_by(known, recipe, budget):
    test = test_rows(known.features.rows, budget)
    return [asked for asked, _ in rounds(known, recipe, budget, test)]


def test_a_point_after_each_round_with_everything_measured(known):
    points = list(replay(known, DEFAULTS, Budget(60, 20, seed=1)))
    assert [point.labels for point in points] == [0, 20, 40, 60]
    first, last = points[0], points[-1]
    assert (first.accuracy, first.macro_f1, first.log_loss, first.ece) == (pytest.approx(1 / 3), None, None, None)
    assert last.accuracy > 0.7
    assert 0 < last.macro_f1 <= 1
    assert last.log_loss > 0
    assert 0 <= last.ece <= 1
    assert [point.strategy for point in points] == ["maxherding", "uherding", "uherding", "uherding"]
    assert last.fit_seconds > 0


def test_same_seed_same_points(known):
    def plain(seed):
        return [replace(point, fit_seconds=0, choose_seconds=0) for point in replay(known, DEFAULTS, budget(seed))]

    def budget(seed):
        return Budget(40, 20, seed)

    assert plain(3) == plain(3)
    assert plain(3) != plain(4)


def test_test_rows_are_a_fifth_never_asked_and_the_same_for_every_recipe(known):
    budget = Budget(240, 40, seed=2)
    test = set(test_rows(300, budget).tolist())
    assert len(test) == 60
    for recipe in (DEFAULTS, with_strategy(DEFAULTS, RANDOM, DEFAULTS["learner"])):
        *_, asked = asked_by(known, recipe, budget)
        assert sorted(asked) == sorted(set(range(300)) - test)
    assert set(test_rows(300, Budget(1, 1, seed=3)).tolist()) != test


def test_random_asks_in_the_order_of_the_keys_from_the_first_label_on(known):
    budget = Budget(30, 10, seed=5)
    keys = np.random.default_rng([5, 1]).random(300)
    pool = np.setdiff1d(np.arange(300), test_rows(300, budget))
    recipe = {**with_strategy(DEFAULTS, {"name": "margin"}, DEFAULTS["learner"]), "random_share": 1.0}
    *_, asked = asked_by(known, recipe, budget)
    assert asked == pool[np.argsort(keys[pool])][:30].tolist()


def test_without_a_random_share_the_queue_alone_is_asked(known):
    budget = Budget(20, 10, seed=5)
    test = test_rows(300, budget)
    steps = list(rounds(known, {**DEFAULTS, "random_share": 0.0}, budget, test))
    queues = [[entry.row for entry in result.queue] for _, result in steps]
    assert steps[1][0] == queues[0]
    assert steps[2][0] == queues[0] + queues[1]


def test_an_item_out_of_scope_costs_a_label_and_teaches_nothing(known):
    everything = Budget(240, 240, seed=0)
    *_, (asked, result) = rounds(known, DEFAULTS, everything, test_rows(300, everything))
    foreign = sum(known.answers[row] is None for row in asked)
    assert foreign > 10
    assert result.metrics["labelled"] == 240 - foreign


def test_where_nothing_is_in_scope_nothing_can_be_measured(blobs):
    nothing = Known(TASK, ArrayFeatures(blobs[0][:10]), [None] * 10)
    with pytest.raises(ValueError, match="no test row has an answer"):
        list(replay(nothing, DEFAULTS, Budget(5, 5, 0)))


def test_all_labels_are_what_a_budget_of_all_labels_reaches(known):
    budget = Budget(240, 240, seed=0)
    everything = full(known, DEFAULTS, budget)
    *_, last = replay(known, DEFAULTS, budget)
    assert everything.labels == last.labels == 240
    assert everything.accuracy == pytest.approx(last.accuracy, abs=0.04)


def test_calibration_lowers_the_calibration_error(blobs):
    """Overlapping classes and few labels: without a temperature the model is far too sure, or not sure enough."""
    X, classes = blobs
    known = Known(TASK, ArrayFeatures(X), [{"class": "abc"[k]} for k in classes])
    recipe = with_strategy(DEFAULTS, RANDOM, DEFAULTS["learner"])
    plain = [list(replay(known, recipe, Budget(120, 60, seed)))[-1] for seed in range(3)]
    calibrated = [list(replay(known, recipe, Budget(120, 60, seed, is_calibrated=True)))[-1] for seed in range(3)]
    assert np.mean([one.log_loss for one in calibrated]) <= np.mean([one.log_loss for one in plain]) + 0.02
    assert np.mean([one.accuracy for one in calibrated]) == pytest.approx(
        np.mean([one.accuracy for one in plain]), abs=0.02
    )


def test_several_classes_are_played(blobs):
    X, classes = blobs
    task = Multilabel(["a", "b", "c"])
    answers = [{"classes": [[], ["a"], ["a", "c"]][k]} for k in classes]
    points = list(replay(Known(task, ArrayFeatures(X), answers), DEFAULTS, Budget(100, 50, 0)))
    assert points[0].accuracy == 0
    assert points[-1].accuracy > 0.7


def test_answers_become_memberships():
    assert targets_of(TASK, [{"class": "b"}, {"class": "a"}]).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert targets_of(Multilabel(["a", "b"]), [{"classes": []}, {"classes": ["b", "a"]}]).tolist() == [[0, 0], [1, 1]]


def test_a_step_may_stop_a_replay(known):
    class Enough(Exception):
        pass

    def step(name):
        if name == "choose":
            raise Enough

    with pytest.raises(Enough):
        list(replay(known, DEFAULTS, Budget(20, 10, 0), step))


@pytest.mark.parametrize("wrong", [{"labels": 0}, {"batch": 0}, {"seed": -1}, {"test_share": 1.0}, {"test_share": 0.0}])
def test_a_budget_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        Budget(**{"labels": 10, "batch": 5, "seed": 0, **wrong})


def test_answers_that_do_not_match_the_rows_are_refused(blobs):
    with pytest.raises(ValueError, match="2 answers for 600 rows"):
        Known(TASK, ArrayFeatures(blobs[0]), [None, None])


def test_a_simulation_is_every_strategy_with_every_learner_seed_by_seed(known):
    every = replays([{"name": "margin"}, RANDOM], [{"name": "linear"}], 2)
    assert [one.names for one in every] == [
        ("", "linear", 0),
        ("margin", "linear", 0),
        ("random", "linear", 0),
        ("", "linear", 1),
        ("margin", "linear", 1),
        ("random", "linear", 1),
    ]
    budget = Budget(50, 20, 0)
    told = []
    for one in every[:2]:
        result = played(known, DEFAULTS, budget, one, lambda: told.append(1))
        assert (result["strategy"], result["learner"], result["seed"]) == one.names
        assert len(result["points"]) == sum(told) == rounds_of(one, budget)
        told.clear()


def test_a_spec_is_written_as_it_is_read():
    spec = read_spec("strategies", " maxherding:bandwidth=0.5 ")
    assert spec == {"name": "maxherding", "bandwidth": 0.5}
    assert written(spec) == "maxherding:bandwidth=0.5"
    assert read_spec("strategies", "margin") == {"name": "margin"}
    for wrong in ("nothing", "maxherding:colour=1", "maxherding:bandwidth", "maxherding:bandwidth=wide"):
        with pytest.raises(plugins.UnknownPlugin):
            read_spec("strategies", wrong)
