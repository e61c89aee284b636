"""A round, from no answer at all to many: what it asks, what it says, and that what it says is honest."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from app.core import measure as measuring
from app.core.cuts import Cuts
from app.core.data import ArrayFeatures, ShardedFeatures
from app.core.labelled import Labelled, acquiring
from app.core.round import RoundInput, measure, run
from app.core.simulate import Budget, Known, replay, rounds
from app.core.tasks.classification import Classification
from app.core.tasks.multilabel import Multilabel
from app.core.tasks.rating import Rating

NONE = np.empty(0, np.int64)
BY_MARGIN = {"strategy": {"name": "margin"}}
TASK = Classification(["a", "b", "c"])


def given(blobs, n=0, **changed) -> RoundInput:
    X, classes = blobs
    fields = {
        "task": TASK,
        "recipe": {},
        "features": ArrayFeatures(X),
        "answers": [(row, 1, {"class": "abc"[classes[row]]}) for row in range(n)],
        "open_rows": np.arange(n, len(X)),
        "busy_rows": NONE,
        "audit_rows": NONE,
        "previous": None,
        "queue_size": 20,
        "seed": 1,
        "step": lambda _: None,
    }
    return RoundInput(**(fields | changed))


@pytest.fixture
def corners() -> tuple[np.ndarray, np.ndarray]:
    """300 points near three corners, each a class: 60 of the first two, 10 of the third, then all three in turn."""
    classes = np.r_[np.arange(60) % 2, np.full(10, 2), np.arange(230) % 3]
    noise = np.random.default_rng(5).normal(scale=0.1, size=(300, 8))
    return (np.eye(3, 8)[classes] + noise).astype(np.float32), classes


def test_without_answers_typical_items_come_without_suggestions(blobs):
    result = run(given(blobs))
    assert result.strategy == "maxherding"
    assert len(result.queue) == 20
    assert result.probabilities is None
    assert result.state == {}
    assert all(entry.suggestion is None and entry.reason for entry in result.queue)
    assert result.metrics["accuracy"] is None
    assert result.metrics["unseen_classes"] == ["a", "b", "c"]


def test_one_class_alone_makes_no_model(blobs):
    answers = [(row, 1, {"class": "a"}) for row in range(60)]
    result = run(given(blobs, answers=answers))
    assert (result.strategy, result.probabilities) == ("maxherding", None)


def test_a_suggested_rating_says_what_is_to_be_expected(blobs):
    answers = [(row, 1, {"rating": int(blobs[1][row])}) for row in range(30)]
    for entry in run(given(blobs, 30, task=Rating(["0", "1", "2"]), answers=answers)).queue:
        p = np.array(entry.suggestion["probabilities"])
        assert p[entry.suggestion["answer"]["rating"]] == p.max()
        assert entry.suggestion["expected"] == pytest.approx(p @ [0, 1, 2], abs=1e-3)


def test_in_the_cold_start_a_model_already_suggests(blobs):
    result = run(given(blobs, 8, recipe=BY_MARGIN))
    assert result.strategy == "maxherding"
    assert result.queue[0].suggestion.keys() == {"answer", "confidence"}
    assert run(given(blobs, 9, recipe=BY_MARGIN)).strategy == "margin"


def test_the_default_needs_no_cold_start_and_asks_at_random_where_that_is_better(blobs):
    assert run(given(blobs, 1)).strategy == "maxherding"
    assert run(given(blobs, 8)).strategy == "uherding"
    assert run(given(blobs, 60, verdict="open")).strategy == "uherding"
    assert run(given(blobs, 60, verdict="worse")).strategy == "random"
    assert run(given(blobs, 60, verdict="worse", recipe=BY_MARGIN)).strategy == "margin"


def test_many_classes_do_not_keep_it_cold_for_ever(blobs):
    task = Classification([f"class {k}" for k in range(77)])
    answers = [(row, 1, {"class": f"class {blobs[1][row]}"}) for row in range(50)]
    assert run(given(blobs, task=task, answers=answers[:49], recipe=BY_MARGIN)).strategy == "maxherding"
    assert run(given(blobs, task=task, answers=answers, recipe=BY_MARGIN)).strategy == "margin"


def test_the_queue_is_in_the_order_of_margins(blobs):
    result = run(given(blobs, 60, queue_size=1000, recipe=BY_MARGIN))
    assert sorted(entry.row for entry in result.queue) == list(range(60, 600))
    scores = [entry.score for entry in result.queue]
    assert scores == sorted(scores, reverse=True)
    p = np.sort(result.probabilities[[entry.row for entry in result.queue]].astype(float), axis=1)
    assert np.allclose(1 - (p[:, -1] - p[:, -2]), scores, atol=2e-3)
    first = result.queue[0]
    order = np.argsort(-result.probabilities[first.row])
    assert first.reason == f"Model hesitates between {'abc'[order[0]]} and {'abc'[order[1]]}"


def test_busy_rows_and_rows_not_encoded_yet_are_not_asked(blobs):
    result = run(given(blobs, 60, open_rows=np.arange(60, 700), busy_rows=np.arange(60, 100), queue_size=1000))
    assert sorted(entry.row for entry in result.queue) == list(range(100, 600))
    assert result.pool_size == 500


def test_answers_to_rows_not_encoded_yet_wait(blobs):
    answers = [*given(blobs, 60).answers, (9999, 1, {"class": "a"})]
    assert run(given(blobs, 60, answers=answers)).metrics["labelled"] == 60


def test_an_answer_whose_class_is_gone_is_left_out_and_counted(blobs):
    answers = [*given(blobs, 60).answers, (70, 1, {"class": "gone"})]
    metrics = run(given(blobs, 60, answers=answers)).metrics
    assert (metrics["labelled"], metrics["answers_left_out"]) == (60, 1)


def test_an_empty_pool_makes_an_empty_queue(blobs):
    assert run(given(blobs, 60, open_rows=NONE)).queue == []
    assert run(given(blobs, open_rows=NONE)).queue == []


def test_the_same_input_gives_the_same_round(blobs):
    one, other = run(given(blobs, 5)), run(given(blobs, 5))
    assert one.queue == other.queue
    assert np.array_equal(one.probabilities, other.probabilities)


def test_a_round_begins_where_the_last_one_stopped(blobs):
    first = run(given(blobs, 60))
    second = run(given(blobs, 70, previous=first.state))
    cold = run(given(blobs, 70))
    assert np.allclose(second.probabilities, cold.probabilities, atol=0.03)


def test_a_round_can_be_cancelled_between_its_steps(blobs):
    seen = []

    def step(name):
        seen.append(name)
        if name == "choose":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run(given(blobs, 60, step=step))
    assert seen == ["merge", "fit", "choose"]


def test_seconds_are_told_of_every_step(blobs):
    assert list(run(given(blobs, 60)).seconds) == ["merge", "fit", "choose", "exemplars"]


def test_several_classes_learn_and_suggest(blobs):
    X, classes = blobs
    task = Multilabel(["zero", "not zero", "never"])
    answers = [(row, 1, {"classes": ["not zero"] if classes[row] else ["zero"]}) for row in range(100)]
    rows = {"audit_rows": np.arange(100), "open_rows": np.arange(100, 600)}
    result = run(given(blobs, task=task, answers=answers, **rows))
    assert result.strategy == "uherding"
    assert result.metrics["classes"] == {
        "zero": int((classes[:100] == 0).sum()),
        "not zero": int((classes[:100] > 0).sum()),
        "never": 0,
    }
    assert result.metrics["accuracy"]["estimate"] > 0.7
    assert result.queue[0].reason.startswith("Model is unsure about ")
    suggested = [entry.suggestion["answer"]["classes"] for entry in result.queue]
    assert all("never" not in names for names in suggested)
    assert len(X) == result.probabilities.shape[0]


def test_labelled_rows_carry_predictions_that_never_saw_their_answer(blobs):
    """Every answer is wrong on purpose; whoever had seen it would repeat it."""
    X = np.random.default_rng(0).normal(size=(200, 300)).astype(np.float32)
    classes = np.random.default_rng(1).integers(3, size=200)
    result = run(given((X, classes), 200, open_rows=NONE))
    assert (result.probabilities.argmax(axis=1) == classes).mean() < 0.5


def test_the_accuracy_is_that_of_the_audit_rows_only(blobs):
    audit = np.arange(0, 120, 2)
    result = run(given(blobs, 120, audit_rows=np.r_[audit, 500, 9999]))
    right = int((result.probabilities[audit].argmax(axis=1) == blobs[1][audit]).sum())
    accuracy = result.metrics["accuracy"]
    assert (accuracy["n"], accuracy["share"]) == (60, right / 60)
    assert accuracy["low"] < accuracy["estimate"] < accuracy["high"]
    assert accuracy["estimate"] == pytest.approx(right / 60, abs=0.05)


def test_features_on_disk_make_the_same_round(blobs, tmp_path):
    np.save(tmp_path / "a.npy", blobs[0][:250])
    np.save(tmp_path / "b.npy", blobs[0][250:])
    shards = [(0, 250, tmp_path / "a.npy"), (250, 600, tmp_path / "b.npy")]
    on_disk, in_memory = run(given(blobs, 60, features=ShardedFeatures(shards))), run(given(blobs, 60))
    assert [entry.row for entry in on_disk.queue] == [entry.row for entry in in_memory.queue]
    assert np.allclose(on_disk.probabilities, in_memory.probabilities, atol=1e-3)


def test_a_strategy_with_features_sees_a_bounded_pool(blobs, monkeypatch):
    monkeypatch.setattr("app.core.strategies.Strategy.most", 50)
    monkeypatch.setattr("app.core.selection.HELD", 5)
    assert len(run(given(blobs, 8, queue_size=1000)).queue) == 50


def test_the_interval_shown_holds_the_true_accuracy_of_the_pool(blobs):
    """A project played through 20 times: items asked by margin, audited by their keys, measured out of fold."""
    X, classes = blobs
    held, errors = 0, []
    for seed in range(20):
        *_, (_, result) = play(ArrayFeatures(X), classes, TASK, {"random_share": 0.3}, 120, 60, seed, NONE)
        shown = result.metrics["accuracy"]
        truth = (result.probabilities.argmax(axis=1) == classes).mean()
        held += shown["low"] <= truth <= shown["high"]
        errors.append(shown["estimate"] - truth)
    assert held >= 17
    assert abs(np.mean(errors)) < 0.04


def play(features, truth, task, recipe, labels, batch, seed, test):
    """The rounds of a replay of class indices, measured each."""
    return rounds(known(features, truth, task), recipe, Budget(labels, batch, seed, is_calibrated=True), test)


def simulate(features, truth, task, recipe, labels, batch, seed):
    """(labels, accuracy) after each of them."""
    points = replay(known(features, truth, task), recipe, Budget(labels, batch, seed, is_calibrated=True))
    return [(point.labels, point.accuracy) for point in points]


def known(features, truth, task):
    return Known(task, features, [{"class": task.classes[k]} for k in truth])


def test_a_simulation_compares_recipes_on_the_same_test_rows(blobs):
    X, classes = blobs
    points = simulate(ArrayFeatures(X), classes, TASK, {}, 60, 20, seed=3)
    assert [labels for labels, _ in points] == [0, 20, 40, 60]
    assert points[0][1] == pytest.approx(1 / 3)
    assert points[-1][1] > 0.75
    assert points == simulate(ArrayFeatures(X), classes, TASK, {}, 60, 20, seed=3)


@pytest.mark.parametrize("name", ["hashed_ngrams", "minilm"])
def test_the_loop_learns_real_news(news, name):
    from app.core import plugins
    from app.core.encoders import Encoder

    texts, topics = news
    features = ArrayFeatures(plugins.make("encoders", {"name": name}, Encoder).encode(texts, {}))
    task = Classification(["a", "b", "c", "d"])
    curves = [simulate(features, topics, task, {}, 120, 40, seed) for seed in range(2)]
    final = np.mean([curve[-1][1] for curve in curves])
    early = np.mean([curve[1][1] for curve in curves])
    assert final > early + 0.02
    assert final > (0.75 if name == "minilm" else 0.45)


def test_listing_plugins_tasks_and_strategies_does_not_import_torch():
    code = (
        "import sys, app.core.tasks, app.core.selection, app.core.aggregation.majority\n"
        "from app.core import plugins, encoders\n"
        "from app.core.strategies import margin, maxherding, random\n"
        "[plugins.describe(room) for room in plugins.ROOMS]\n"
        "encoders.ladder('text'); plugins.load('tasks', 'classification', app.core.tasks.Task)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_expensive_measuring_is_put_off_and_made_up_for(blobs, monkeypatch):
    first = run(given(blobs, 60, audit_rows=np.arange(60)))
    monkeypatch.setattr(measuring, "CHEAP", 0)
    asked = given(
        blobs, 90, audit_rows=np.arange(90), previous=first.state, scores=first.probabilities, measuring="cheap"
    )
    second = run(asked)
    assert (first.is_measured, second.is_measured) == (True, False)
    assert second.metrics["accuracy"] is None
    assert len(second.queue) == 20
    # What is said of a labelled row was never trained on its own label.
    assert np.array_equal(second.probabilities[:90], first.probabilities[:90])
    made_up = measure(asked)
    assert made_up.metrics["accuracy"]["n"] == 90
    together = run(given(blobs, 90, audit_rows=np.arange(90)))
    assert made_up.metrics["accuracy"]["estimate"] == pytest.approx(together.metrics["accuracy"]["estimate"], abs=0.02)
    # The penalty and the temperature are still those that were chosen at 60 labels; what is predicted is the same.
    assert np.abs(second.probabilities[90:] - together.probabilities[90:]).mean() < 0.05
    assert (second.probabilities[90:].argmax(axis=1) == together.probabilities[90:].argmax(axis=1)).mean() > 0.97


def test_what_was_drawn_at_random_does_not_keep_the_queue_away(corners):
    """60 labels of two corners, and 10 drawn ones of a third, which alone know it."""
    told = given(corners, 70, drawn_rows=np.arange(60, 70), recipe=BY_MARGIN)
    blind, seeing = run(told), run(replace(told, drawn_rows=NONE))
    assert {corners[1][entry.row] for entry in blind.queue} == {2}
    assert {corners[1][entry.row] for entry in seeing.queue} != {2}
    # What people read is the opinion of the model that knows every label, and so is what is exported.
    assert all(entry.suggestion["answer"] == {"class": "c"} for entry in blind.queue)
    assert np.array_equal(blind.probabilities, seeing.probabilities)


def test_drawn_labels_choose_too_where_the_strategy_asks_no_model(corners):
    told = given(corners, 70, drawn_rows=np.arange(60, 70), recipe={"strategy": {"name": "random"}})
    assert run(told).queue == run(replace(told, drawn_rows=NONE)).queue


def test_the_newest_drawn_labels_are_withheld_at_most_a_fifth_of_all():
    targets = np.eye(3, dtype=np.float32)[np.arange(10) % 3]
    labelled = Labelled(np.arange(10) * 2, targets, targets > 0, 1, Cuts(10), np.arange(10) * 2)
    drawn = np.array([8, 99, 2, 18, 4])  # oldest first; 99 has no label that fits
    assert acquiring(labelled, drawn).rows.tolist() == [0, 2, 6, 8, 10, 12, 14, 16]
    assert acquiring(labelled, drawn[:1]).rows.tolist() == [0, 2, 4, 6, 10, 12, 14, 16, 18]
    assert np.array_equal(acquiring(labelled, drawn).targets, np.delete(targets, [2, 9], axis=0))
    assert acquiring(labelled, NONE).rows.tolist() == labelled.rows.tolist()


def test_a_prediction_that_was_trained_on_its_own_label_is_not_told(blobs, monkeypatch):
    monkeypatch.setattr(measuring, "CHEAP", 0)
    first = run(given(blobs, 60, measuring="cheap"))
    assert np.isnan(first.probabilities[:60]).all()
    assert np.isfinite(first.probabilities[60:]).all()
    second = run(given(blobs, 70, measuring="cheap", scores=first.probabilities, open_rows=np.arange(len(blobs[0]))))
    assert np.isnan(second.probabilities[:60]).all()
    # What was said of these before they were labelled still stands.
    assert np.array_equal(second.probabilities[60:70], first.probabilities[60:70])
    assert len(second.queue) == 20


def test_there_is_nothing_to_measure_before_two_answers_differ(blobs):
    assert measure(given(blobs, 1)) is None
