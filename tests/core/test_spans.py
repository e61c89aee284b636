"""Spans: exact in code points whatever the script, refused by their place, and always legal when a model says them."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import evaluation, tasks, words
from app.core.aggregation import merge_answers
from app.core.aggregation.majority import Majority
from app.core.cuts import Cuts
from app.core.evaluation import entities
from app.core.tasks import InvalidAnswer
from app.core.tasks._bio import legal, spans_of, tags_of
from app.core.tasks._span_forms import task_of
from app.core.tasks.spans import Spans

TASK = Spans(["person", "place"])
OVERLAPPING = Spans(["person", "place"], overlap=True)
# Texts in which bytes, UTF-16 units, graphemes and code points all count differently.
NASTY = [
    "👩‍👩‍👧‍👦 met 👍🏽👍 in 🇩🇪🇫🇷",
    "cafe\u0301 nai\u0308ve Zu\u0308rich",
    "مَرْحَبًا بالعالم، كيف الحال؟",
    "می‌خواهم به تهران بروم",
    "我在北京大学学习。Hello世界",
    "これはテストです",
    "हिन्दी में लिखा",
    "ภาษาไทย",
    "\u202bשלום\u202c world",
    "z͑ͫ̓ͪ̂ͫ̽͏a\u200bb \u0301",
    "𝒳𝒴 𐍈 x\u20e3",
]


def answer(*spans: tuple[int, int, str]) -> dict[str, Any]:
    return {"spans": [{"start": start, "end": end, "class": name} for start, end, name in spans]}


@pytest.mark.parametrize("text", NASTY)
def test_every_visible_sign_is_in_one_word(text):
    bounds = words.cut(text)
    covered = [place for start, end in bounds.tolist() for place in range(start, end)]
    assert covered == sorted(set(covered))
    assert set(covered) >= {place for place, sign in enumerate(text) if not sign.isspace()}
    assert not any(text[start:end].isspace() for start, end in bounds.tolist())


def test_words_are_cut_as_people_read_them():
    def cut(text):
        return [text[start:end] for start, end in words.cut(text).tolist()]

    assert cut("Obama's U.S. trip") == ["Obama", "'", "s", "U", ".", "S", ".", "trip"]
    assert cut("北京大学 Hello") == ["北", "京", "大", "学", "Hello"]
    assert cut("👩‍👩‍👧‍👦🇩🇪🇫🇷") == ["👩‍👩‍👧‍👦", "🇩🇪", "🇫🇷"]
    assert cut("nai\u0308ve می‌خواهم") == ["nai\u0308ve", "می‌خواهم"]


@pytest.mark.parametrize("text", NASTY)
def test_spans_of_words_survive_encoding_and_decoding(text):
    bounds = words.cut(text)
    for first, last in itertools.combinations_with_replacement(range(len(bounds)), 2):
        given = answer((int(bounds[first, 0]), int(bounds[last, 1]), "place"))
        outcomes = TASK.encode({"text": text}, given, bounds)
        assert TASK.decode(TASK.one_hot(outcomes), bounds) == given


@pytest.mark.parametrize("text", NASTY)
def test_any_span_at_all_is_kept_as_an_answer(text):
    for start, end in itertools.combinations(range(len(text) + 1), 2):
        given = answer((start, end, "person"))
        assert TASK.normalise({"text": text}, given) == given
        merged = merge_answers(Majority(), TASK, [(0, 1, given), (0, 2, given)])
        assert TASK.opinions(merged.probabilities, merged.cuts)[0][0] == given


def test_a_span_inside_of_a_word_is_learned_as_the_whole_word():
    text = "Grand Canyon"
    assert TASK.encode({"text": text}, answer((2, 8, "place"))).tolist() == [3, 4]
    assert TASK.normalise({"text": text}, answer((2, 8, "place"))) == answer((2, 8, "place"))


def test_spans_are_kept_in_the_order_of_the_text():
    given = {"spans": [{"class": "place", "end": 9, "start": 8}, {"start": 0, "end": 3, "class": "person"}]}
    assert TASK.normalise({"text": "Bob is in X"}, given) == answer((0, 3, "person"), (8, 9, "place"))
    assert TASK.normalise({"text": "x"}, {"spans": []}) == {"spans": []}


ONE = {"start": 0, "end": 3, "class": "person"}


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([{**ONE, "end": 12}], "spans[0].end” is 12; the text has 11 characters"),
        ([ONE, {**ONE, "start": -1}], "spans[1].start” is -1"),
        ([{**ONE, "end": 0}], "spans[0]” ends at 0"),
        ([{**ONE, "start": 3, "end": 1}], "spans[0]” ends at 1"),
        ([{**ONE, "start": 0.0}], "spans[0].start” must be a whole number"),
        ([{**ONE, "end": "3"}], "spans[0].end” must be a whole number"),
        ([{**ONE, "end": True}], "spans[0].end” must be a whole number"),
        ([{**ONE, "start": None}], "spans[0].start” must be a whole number"),
        ([{**ONE, "class": "pet"}], "spans[0].class”: There is no class “pet”; the classes are person, place"),
        ([{**ONE, "class": 1}], "spans[0].class”"),
        ([ONE, ONE], "“spans[0]” and “spans[1]” are the same span"),
        ([ONE, {"start": 2, "end": 4, "class": "place"}], "“spans[0]” and “spans[1]” overlap"),
        ([{"start": 2, "end": 4, "class": "place"}, ONE], "“spans[0]” and “spans[1]” overlap"),
        ([{**ONE, "score": 1}], "spans[0]” must have the form"),
        ([{"start": 0, "end": 1}], "spans[0]” must have the form"),
        (["Bob"], "spans[0]” must have the form"),
        ([[0, 3, "person"]], "spans[0]” must have the form"),
        ("Bob", "“spans” is a list"),
        (None, "“spans” is a list"),
    ],
)
def test_a_bad_span_is_refused_with_its_place(spans, said):
    with pytest.raises(InvalidAnswer) as refused:
        TASK.normalise({"text": "Bob is in X"}, {"spans": spans})
    assert said in str(refused.value)


def test_offsets_that_counted_utf_16_units_are_refused_where_they_leave_the_text():
    with pytest.raises(InvalidAnswer, match="has 5 characters"):
        TASK.normalise({"text": "👍 Bob"}, answer((3, 6, "person")))
    assert TASK.normalise({"text": "👍 Bob"}, answer((2, 5, "person"))) == answer((2, 5, "person"))


def test_where_spans_may_overlap_they_are_kept_and_the_longest_is_learned():
    text = "Bank of New York"
    given = answer((0, 16, "person"), (8, 16, "place"))
    assert OVERLAPPING.normalise({"text": text}, given) == given
    assert OVERLAPPING.encode({"text": text}, given).tolist() == [1, 2, 2, 2]
    crossing = answer((0, 11, "person"), (8, 16, "place"))  # the second is shorter: what is left of it is learned
    assert OVERLAPPING.encode({"text": text}, crossing).tolist() == [1, 2, 2, 3]
    with pytest.raises(InvalidAnswer, match="same span"):
        OVERLAPPING.normalise({"text": text}, answer((0, 4, "place"), (0, 4, "place")))
    both = answer((0, 4, "person"), (0, 4, "place"))
    assert OVERLAPPING.normalise({"text": text}, both) == both


def test_several_people_decide_each_stretch_by_majority():
    said = [
        answer((0, 4, "person"), (8, 16, "place")),
        answer((0, 7, "person"), (8, 11, "place")),
        answer((0, 4, "person")),
    ]
    merged = merge_answers(Majority(), TASK, [(5, person, one) for person, one in enumerate(said)])
    found, sure = TASK.opinions(merged.probabilities, merged.cuts)[0]
    # 0–4 all three; 4–7 one of three; 8–11 two of three; 11–16 one of three
    assert found == answer((0, 4, "person"), (8, 11, "place"))
    assert 0 < sure < 1


def test_an_even_vote_marks_nothing():
    merged = merge_answers(Majority(), TASK, [(0, 1, answer((0, 4, "person"))), (0, 2, answer())])
    assert TASK.opinions(merged.probabilities, merged.cuts)[0][0] == answer()
    nothing = merge_answers(Majority(), TASK, [(0, 1, answer()), (4, 1, answer((0, 4, "person")))])
    assert [one for one, _ in TASK.opinions(nothing.probabilities, nothing.cuts)] == [
        answer(),
        answer((0, 4, "person")),
    ]


def test_where_spans_may_overlap_one_stands_if_most_marked_exactly_it():
    said = [
        answer((0, 16, "person"), (8, 16, "place")),
        answer((8, 16, "place")),
        answer((8, 16, "place"), (0, 4, "place")),
    ]
    merged = merge_answers(Majority(), OVERLAPPING, [(0, person, one) for person, one in enumerate(said)])
    assert OVERLAPPING.opinions(merged.probabilities, merged.cuts)[0][0] == answer((8, 16, "place"))


def test_tags_by_hand():
    bounds = np.array([[0, 2], [3, 5], [6, 8], [9, 11]])
    assert tags_of([(0, 5, 0), (6, 8, 1)], bounds).tolist() == [1, 2, 3, 0]
    assert tags_of([(0, 2, 0), (3, 5, 0)], bounds).tolist() == [1, 1, 0, 0]
    assert tags_of([(2, 3, 0)], bounds).tolist() == [0, 0, 0, 0]  # a space only
    assert spans_of(np.array([1, 1, 2, 0]), bounds) == [(0, 2, 0), (3, 8, 0)]
    assert spans_of(np.array([0, 3, 4, 4]), bounds) == [(3, 11, 1)]


def brute(p):
    """The most probable legal tags, and their share of all legal ones, by trying every sequence."""
    total, best = 0.0, (-1.0, ())
    for tags in itertools.product(range(p.shape[1]), repeat=len(p)):
        if any(
            tag and tag % 2 == 0 and before not in (tag - 1, tag) for before, tag in zip((0, *tags), tags, strict=False)
        ):
            continue
        chance = float(np.prod([p[t, tag] for t, tag in enumerate(tags)]))
        total, best = total + chance, max(best, (chance, tuple(-tag for tag in tags)))
    return [-tag for tag in best[1]], best[0] / total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_decoding_finds_what_trying_everything_finds(seed, lengths):
    rng = np.random.default_rng(seed)
    cuts = Cuts.of_items([np.stack([np.arange(n), np.arange(n) + 1], axis=1) for n in lengths])
    p = rng.dirichlet(np.full(5, 0.5), cuts.pieces).reshape(-1, 5)
    tags, sure = legal(p, cuts)
    for row, n in enumerate(lengths):
        part = cuts.part(row)
        expected, share = brute(p[part]) if n else ([], 1.0)
        assert tags[part].tolist() == expected
        assert sure[row] == pytest.approx(share)


def test_a_model_never_suggests_an_inside_without_its_beginning():
    p = np.array([[0.1, 0.0, 0.9, 0.0, 0.0]])  # I-person, at the very start
    assert TASK.decode(p, np.array([[0, 3]])) == answer()
    p = np.array([[0.3, 0.5, 0.0, 0.2, 0.0], [0.1, 0.1, 0.1, 0.1, 0.6]])  # I-place after B-person: B-place I-place wins
    assert TASK.decode(p, np.array([[0, 3], [4, 6]])) == answer((0, 6, "place"))


def test_what_is_undecided_is_named_by_classes():
    p = np.array([[0.9, 0.05, 0.05, 0, 0], [0.1, 0.3, 0.2, 0.2, 0.2]])
    assert TASK.undecided(p, Cuts.of_items([np.zeros((2, 2), int)])) == [("person", "place")]
    assert TASK.undecided(p[:1], Cuts.of_items([np.zeros((1, 2), int)])) == [("no span", "person")]


def test_entity_f1_counts_exact_matches_only():
    bounds = [np.stack([np.arange(4), np.arange(4) + 1], axis=1)] * 2
    cuts = Cuts.of_items(bounds)
    truth = np.eye(5, dtype=bool)[[1, 2, 0, 3, 0, 0, 3, 4]]  # person 0–2, place 3–4; place 6–8
    said = np.eye(5, dtype=bool)[[1, 0, 0, 3, 0, 1, 3, 4]]  # person 0–1 (short), place 3–4; person 5–6, place 6–8
    found = TASK.measures(said, truth, cuts)
    assert found["entity_f1"]["precision"] == pytest.approx(2 / 4)
    assert found["entity_f1"]["recall"] == pytest.approx(2 / 3)
    assert found["entity_f1"]["estimate"] == pytest.approx(2 * 2 / 7)
    assert found["entity_f1"]["n"] == 3
    assert found["macro_f1"] == pytest.approx((0 + 1) / 2)
    assert found["token_accuracy"] == pytest.approx(6 / 8)
    assert TASK.counts(truth).tolist() == [1, 2]


def test_entity_f1_of_nothing_is_unknown_and_its_interval_holds_the_estimate():
    nothing = np.eye(5, dtype=bool)[[0, 0]]
    assert TASK.measures(nothing, nothing, Cuts(2))["entity_f1"]["estimate"] is None
    rng = np.random.default_rng(0)
    hits = rng.binomial(3, 0.6, (60, 1))
    counts = np.stack([hits, np.full((60, 1), 3), np.full((60, 1), 3)])
    found = entities.micro_f1(counts, rng)
    assert found["estimate"] == pytest.approx(hits.mean() / 3)
    assert found["low"] < found["estimate"] < found["high"]
    assert found["high"] - found["low"] < 0.2
    assert evaluation.macro_f1_interval(np.eye(2, dtype=bool), np.eye(2, dtype=bool), rng) is None


def test_spans_as_other_programs_write_them_are_read():
    ours = answer((0, 3, "person"))
    for cell in (
        [[0, 3, "person"]],
        [{"start_offset": 0, "end_offset": 3, "label": "person", "id": 7}],
        [{"start": 0, "end": 3, "label": "person", "token_start": 0, "text": "Bob"}],
        '[{"start": 0, "end": 3, "class": "person"}]',
    ):
        assert TASK.normalise({"text": "Bob"}, TASK.from_cell(cell)) == ours
    with pytest.raises(InvalidAnswer, match="not JSON"):
        TASK.from_cell("person")


def test_lines_of_a_plain_form_are_found_in_the_text():
    content = {"text": "👍 Bob saw Bob in Köln"}
    given = TASK.from_form(content, {"spans": ["person: Bob\r\nplace: Köln\r\n\r\nperson: Bob"]})
    assert TASK.normalise(content, given) == answer((2, 5, "person"), (10, 13, "person"), (17, 21, "place"))
    assert TASK.from_form(content, {"spans": [""]}) == {"spans": []}
    for wrong in ("person: Alice", "pet: Bob", "Bob", "person:"):
        with pytest.raises(InvalidAnswer, match=r"stand in the text|form"):
            TASK.from_form(content, {"spans": [wrong]})


def test_the_task_of_a_file_is_read_from_its_labels():
    assert task_of(["a", "b"]) is None
    assert task_of([["a"], ["b"]]) is None
    assert task_of([[], [[0, 3, "y"]], [[0, 1, "x"]]]) == {
        "kind": "spans",
        "classes": [{"name": "x"}, {"name": "y"}],
        "overlap": False,
    }
    assert task_of([[[0, 3, "y"], [2, 4, "x"]]])["overlap"] is True  # type: ignore[index]  # it is one


def test_one_class_is_enough_and_settings_are_read():
    made = tasks.load({"kind": "spans", "classes": [{"name": "x"}], "overlap": True})
    assert isinstance(made, Spans)
    assert made.overlap
    assert tasks.seen_as("spans", "text") == "words"
    assert tasks.seen_as("classification", "image") == "image"
