"""A round over spans: every strategy and learner asks in it or says why not, and what it suggests is legal."""

from functools import cache

import numpy as np
import pytest

from app.core import plugins, words
from app.core.cuts import Cuts
from app.core.data import ArrayFeatures
from app.core.encoders.hashed_words import HashedWords
from app.core.round import RoundInput, measure, run
from app.core.simulate import Budget, Known, full, replay
from app.core.tasks.spans import Spans

TASK = Spans(["name", "town"])
NAMES, TOWNS = ["Ana", "Bob", "Cem", "Dora"], ["Ulm", "Bonn", "Köln", "Graz"]
NONE = np.empty(0, np.int64)


@cache
def known(n=80):
    rng = np.random.default_rng(0)
    texts, answers = [], []
    for number in range(n):
        name, town = rng.choice(NAMES), rng.choice(TOWNS)
        text = (
            f"{name} lives in {town}" if number % 2 else f"nothing {number} is here" + " today" * int(rng.integers(3))
        )
        spans = [(text.find(said), said, k) for said, k in ((name, "name"), (town, "town")) if number % 2]
        texts.append(text)
        answers.append({"spans": [{"start": at, "end": at + len(said), "class": k} for at, said, k in spans]})
    bounds = [words.cut(text) for text in texts]
    x = HashedWords(width=64).encode(list(zip(texts, bounds, strict=True)), {})
    return Known(TASK, ArrayFeatures(x, Cuts.of_items(bounds)), answers)


def given(labelled=30, **changes):
    data = known()
    fields = {
        "task": TASK,
        "recipe": {"cold_start": {"name": "random"}},
        "features": data.features,
        "answers": [(row, 1, data.answers[row]) for row in range(labelled)],
        "open_rows": np.arange(labelled, 80),
        "busy_rows": np.array([79]),
        "audit_rows": np.arange(labelled),
        "previous": None,
        "queue_size": 60,
        "seed": 0,
        "step": lambda _: None,
    }
    return RoundInput(**(fields | changes))


@pytest.mark.parametrize("strategy", plugins.names("strategies"))
def test_every_strategy_asks_each_open_item_once(strategy):
    result = run(given(recipe={"strategy": {"name": strategy}, "cold_start": {"name": "random"}}, measuring="never"))
    assert sorted(entry.row for entry in result.queue) == list(range(30, 79))
    assert result.strategy in (strategy, "uherding")  # auto gives way
    for entry in result.queue:
        text_end = int(known().features.cuts.some(np.array([entry.row])).bounds[-1, 1])
        assert entry.reason
        assert TASK.fits(entry.suggestion["answer"])
        assert all(span["end"] <= text_end for span in entry.suggestion["answer"]["spans"])


@pytest.mark.parametrize("learner", [name for name in plugins.names("learners") if name != "cnn"])
def test_every_learner_learns_tags(learner):
    result = run(given(labelled=60, recipe={"learner": {"name": learner}}, measuring="never"))
    right = sum(entry.suggestion["answer"] == known().answers[entry.row] for entry in result.queue)
    assert right >= len(result.queue) / 3  # by chance next to none
    assert result.probabilities.shape == (known().features.cuts.pieces, TASK.outputs)


def test_the_words_of_one_text_are_all_in_one_fold_and_measured_as_one_item():
    metrics = run(given(labelled=60)).metrics
    assert metrics["accuracy"]["n"] == 60
    assert metrics["accuracy"]["low"] <= metrics["accuracy"]["estimate"] <= metrics["accuracy"]["high"]
    assert metrics["entity_f1"]["n"] == 60  # two in every second text
    assert metrics["entity_f1"]["estimate"] > 0.8
    assert metrics["token_accuracy"] > 0.9
    assert metrics["classes"] == {"name": 30, "town": 30}
    assert measure(given(labelled=60)).metrics["entity_f1"] == metrics["entity_f1"]


def test_no_span_in_any_answer_teaches_nothing_and_asks_on():
    nothing = [(row, 1, {"spans": []}) for row in range(20)]
    result = run(given(labelled=20, answers=nothing))
    assert result.probabilities is None
    assert len(result.queue) == 59


def test_mnlp_asks_for_the_text_with_the_least_probable_words():
    asked = run(given(recipe={"strategy": {"name": "mnlp"}, "cold_start": {"name": "random"}}, measuring="never"))
    p = asked.probabilities.astype(np.float64)
    cuts = known().features.cuts
    by_hand = cuts.means(-np.log(p.max(axis=1)))
    ranked = [entry for entry in asked.queue if entry.reason.startswith("Model is")]  # copies are left for last
    assert len(ranked) > 20
    scores = [entry.score for entry in ranked]
    assert np.allclose(scores, by_hand[[entry.row for entry in ranked]], atol=5e-3)  # told in half precision
    assert scores == sorted(scores, reverse=True)


def test_two_people_who_disagree_teach_a_soft_target():
    data = known()
    both = [(1, 1, data.answers[1]), (1, 2, {"spans": []}), *[(row, 1, data.answers[row]) for row in range(2, 40)]]
    result = run(given(labelled=40, answers=both))
    assert result.metrics["labelled"] == 39
    assert np.isfinite(result.metrics["log_loss"])


def test_a_replay_tells_entity_f1_and_equal_seeds_give_equal_curves():
    budget = Budget(30, 10, 0)
    curves = [list(replay(known(), {"strategy": {"name": "mnlp"}}, budget)) for _ in range(2)]
    assert [point.entity_f1 for point in curves[0]] == [point.entity_f1 for point in curves[1]]
    assert curves[0][0].entity_f1 is None
    assert curves[0][-1].entity_f1 > 0.5
    assert full(known(), {}, budget).entity_f1 > 0.8
