"""The report's comparisons, on numbers worked out by hand."""

from typing import Any

import numpy as np
import pytest

from tests.benchmarks.learning.results import Outcome, Place, Results

compare: Any = pytest.importorskip("tests.benchmarks.learning.compare", reason="needs scipy", exc_type=ImportError)


def outcome(labels: float, area: float = 0.8, stopped: bool = False) -> Outcome:
    to = {0.95: labels, 0.99: 2 * labels}
    return Outcome(to, {0.95: False, 0.99: True}, {"accuracy": area}, 0.9, 1.0, 4, [(10, 0.5)], "", stopped)


def results(**given: list[float]) -> Results:
    return {Place("d"): {name: {seed: outcome(n) for seed, n in enumerate(labels)} for name, labels in given.items()}}


def test_holm_multiplies_the_smallest_p_by_all_and_never_falls() -> None:
    assert compare.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_half_the_labels_on_every_seed_is_a_ratio_of_a_half_and_better() -> None:
    (duel,) = compare.duels(results(a=[10, 21, 30, 41], b=[20, 40, 61, 80]), [Place("d")], "a", "b", 0.95)
    assert duel.estimate == pytest.approx(np.exp(np.mean(np.log([10 / 20, 21 / 40, 30 / 61, 41 / 80]))))
    assert duel.low < 0.51 < duel.high
    assert duel.verdict(0.95) == "better"
    assert (duel.a, duel.b, duel.seeds) == (25.5, 50.25, 4)


def test_only_seeds_of_both_are_compared_and_a_broken_off_contestant_with_nobody() -> None:
    given = results(a=[10, 20, 30], b=[20, 40])
    (duel,) = compare.duels(given, [Place("d")], "a", "b", 0.95)
    assert duel.seeds == 2
    given[Place("d")]["b"][1] = outcome(40, stopped=True)
    assert compare.duels(given, [Place("d")], "a", "b", 0.95) == []


def test_the_same_gain_on_every_pair_is_no_more_certain_than_their_number() -> None:
    assert compare.paired_test(np.full(5, -0.7)) == 2.0**-4
    assert compare.paired_test(np.zeros(5)) == 1.0
    assert compare.paired_test(np.array([1.0, 2.0])) == 1.0


def test_more_area_is_better_and_more_labels_are_worse() -> None:
    there = {
        "a": {seed: outcome(30 + seed, 0.9 + 0.001 * seed) for seed in range(4)},
        "b": {seed: outcome(20, 0.8) for seed in range(4)},
    }
    places, given = [Place("d")], {Place("d"): there}
    assert compare.duels(given, places, "a", "b", "accuracy")[0].verdict("accuracy") == "better"
    assert compare.duels(given, places, "a", "b", 0.95)[0].verdict(0.95) == "worse"
    there["random"] = {seed: outcome(40, 0.7) for seed in range(4)}
    assert compare.best_everywhere(given, places, ["a", "b"], 0.95) == "b"
    assert compare.best_everywhere(given, places, ["a", "b"], "accuracy") == "a"


def test_a_mean_over_places_weighs_each_place_once() -> None:
    given: Results = {
        Place("d"): {"a": {0: outcome(10), 1: outcome(10)}, "b": {0: outcome(20), 1: outcome(20)}},
        Place("e"): {"a": {0: outcome(20)}, "b": {0: outcome(10)}},
    }
    ratio, _, _, count = compare.pooled(given, list(given), "a", "b", lambda one: one.to[0.95])
    assert (ratio, count) == (pytest.approx(1.0), 2)


def test_a_strategy_is_held_against_the_fastest_peer_that_has_it():
    tables = pytest.importorskip("tests.benchmarks.learning.tables", reason="needs scipy", exc_type=ImportError)
    taken = {"margin": 0.01, "modAL margin": 0.04, "skactiveml margin": 0.06, "dbal": 0.1, "falcun": 0.2}
    found = [{"name": name, "size": 1000, "seconds": seconds} for name, seconds in taken.items()]
    found.append({"name": "skactiveml Falcun", "size": 1000, "failed": "more than 14 GB"})
    rows = {row[0]: row[-2:] for row in _cells(tables.speeds(found, {}))}
    assert rows["margin"] == ["4.0", "**no**"]
    assert rows["falcun"] == ["none finishes", "yes"]
    assert rows["dbal"] == rows["modAL margin"] == ["–", "–"]


def _cells(told: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in told.splitlines()]
