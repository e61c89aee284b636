"""What replays say together, on curves that can be worked out by hand."""

import numpy as np
import pytest

from app.core.comparison import Run, best, compare, needed, sentence
from app.core.replays import full_of, standings

FULL = {("linear", seed): 1.0 for seed in range(4)}


def curve(*values):
    """Accuracies after 0, 10, 20, … labels."""
    return [(10 * number, value) for number, value in enumerate(values)]


def compared(ours, theirs, full=FULL):
    runs = [Run("margin", "linear", seed, one) for seed, one in enumerate(ours)]
    runs += [Run("random", "linear", seed, one) for seed, one in enumerate(theirs)]
    return compare(runs, full, np.random.default_rng(0))


EARLY, LATE, NEVER = curve(0, 0.96, 0.97, 1), curve(0, 0.5, 0.97, 1), curve(0, 0.5, 0.6, 0.8)


def test_labels_areas_and_ratios_of_equal_seeds_are_those_of_one():
    ours, theirs = compared([EARLY] * 4, [LATE] * 4)
    reach = ours.reach(0.95)
    assert (reach.target, reach.missed) == (0.95, 0)
    assert (reach.labels.value, reach.labels.low, reach.labels.high) == (10, 10, 10)
    assert reach.ratio is not None
    assert (reach.ratio.value, reach.ratio.low, reach.ratio.high) == pytest.approx((0.5, 0.5, 0.5))
    assert ours.reach(0.99).labels.value == 30
    # Trapezoids: (0 + 2 · 0.96 + 2 · 0.97 + 1) / 6.
    assert ours.area.value == pytest.approx(0.81)
    assert theirs.area.value == pytest.approx((0 + 1 + 1.94 + 1) / 6)
    assert [(labels, at.value) for labels, at in theirs.curve] == curve(0, 0.5, 0.97, 1)
    assert all(reach.ratio is None for reach in theirs.reaches)


def test_the_target_is_a_share_of_what_all_labels_give_for_that_seed():
    full = {("linear", seed): 0.5 + 0.1 * seed for seed in range(4)}
    ours, _ = compared([LATE] * 4, [LATE] * 4, full)
    # 0.95 · 0.5 = 0.475 and 0.95 · 0.5 ≤ 0.5 after 10 labels; the others, from 0.57 on, need 20.
    assert ours.reach(0.95).labels.value == pytest.approx((10 + 20 * 3) / 4)
    assert ours.reach(0.95).target == pytest.approx(0.95 * 0.65)


def test_a_seed_that_never_gets_there_counts_as_one_batch_more_and_is_told():
    ours, _ = compared([EARLY, EARLY, EARLY, NEVER], [LATE] * 4)
    reach = ours.reach(0.95)
    assert reach.missed == 1
    assert reach.labels.value == pytest.approx((3 * 10 + 40) / 4)
    assert needed(reach) == "more than 18"
    assert reach.ratio is not None
    assert reach.ratio.value == pytest.approx((0.5**3 * 2) ** 0.25)


def test_there_is_no_ratio_of_curves_that_both_end_below():
    ours, _ = compared([NEVER] * 4, [NEVER] * 4)
    assert ours.reach(0.95).ratio is None
    assert ours.reach(0.95).missed == 4


def test_few_seeds_have_no_interval():
    ours, _ = compared([EARLY] * 2, [LATE] * 2)
    ratio = ours.reach(0.95).ratio
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == (pytest.approx(0.5), None, None)
    assert "Too few repetitions" in sentence([ours, _])


def test_only_seeds_that_both_have_are_paired():
    ours, _ = compared([EARLY] * 4, [LATE] * 3)
    assert ours.seeds == 4
    assert ours.reach(0.95).ratio is not None


def test_runs_whose_full_accuracy_is_unknown_do_not_count():
    ours, _ = compared([EARLY] * 4, [LATE] * 4, dict.fromkeys(list(FULL)[:3], 1.0))
    assert ours.seeds == 3
    assert compared([EARLY], [LATE], {}) == []


def test_a_sentence_for_people_says_who_needed_what():
    told = sentence(compared([EARLY] * 4, [LATE] * 4))
    assert told == (
        "To reach 95\u00a0% (95\u00a0% of what all labels give), you would have needed 10 labels by margin, "
        "20 at random."
    )


def test_a_sentence_does_not_claim_what_luck_may_have_done():
    told = sentence(compared([EARLY, LATE, EARLY, LATE], [LATE, EARLY, LATE, EARLY]))
    assert told.endswith("The repetitions differ too much to tell which of the two needs fewer.")


def test_a_sentence_takes_the_lower_level_where_the_higher_was_not_reached():
    ends = curve(0, 0.91, 0.92, 0.93)
    assert sentence(compared([ends] * 3, [ends] * 3)).startswith(
        "To reach 90\u00a0% (90\u00a0% of what all labels give)"
    )


def test_a_sentence_says_that_the_budget_was_too_small():
    told = sentence(compared([NEVER] * 3, [NEVER] * 3))
    assert told == (
        "30 labels are too few to come near the 100\u00a0% that all labels give: "
        "they reach 80\u00a0% by margin, 80\u00a0% by random."
    )
    assert sentence([]) == ""


def test_random_asking_is_never_called_the_best_strategy():
    found = compared([LATE] * 3, [EARLY] * 3)
    first = best(found)
    assert first is not None
    assert first.strategy == "margin"
    assert "20 labels by margin, 10 at random" in sentence(found)
    assert best([one for one in found if one.strategy == "random"]) is None


def test_results_as_plain_data_say_the_same():
    results = [
        {"strategy": strategy, "learner": "linear", "seed": seed, "points": points(values)}
        for seed in range(3)
        for strategy, values in (("", [(80, 1.0)]), ("margin", EARLY), ("random", LATE))
    ]
    assert full_of(results) == {("linear", seed): 1.0 for seed in range(3)}
    found = standings(results)
    assert [(one.strategy, one.seeds) for one in found] == [("margin", 3), ("random", 3)]
    assert found[0].reach(0.95).labels.value == 10
    assert standings(results[:2]) != []
    assert standings([]) == []


def points(values):
    return [{"labels": labels, "accuracy": value, "macro_f1": None} for labels, value in values]
