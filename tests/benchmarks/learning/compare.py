"""Comparisons: pairs by seed at each place, tests with Holm's correction over places, and means over places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from app.core.evaluation.curves import paired_difference, paired_ratio, pooled_ratio
from tests.benchmarks.learning.results import Outcome, Place, Results, finished

LEVEL = 0.05
# What is compared: labels to a share of the full accuracy (a ratio; fewer is better), or the area under the curve of
# "accuracy" or "macro-F1" (a difference; more is better).
Measure = float | str


@dataclass(frozen=True)
class Duel:
    """One contestant against another at one place: ratio a / b of labels, or difference a − b of areas, its 95 %
    interval, p of a paired t test, the same after Holm's correction over the places compared, and the pairs.
    """

    place: Place
    estimate: float
    low: float
    high: float
    p: float
    corrected: float
    seeds: int
    a: float
    b: float
    censored_a: float
    censored_b: float

    def verdict(self, measure: Measure) -> str:
        """ "better", "worse" or "tie" for a, after Holm's correction."""
        if self.corrected >= LEVEL:
            return "tie"
        is_area = isinstance(measure, str)
        less = self.estimate < (0 if is_area else 1)
        return "worse" if less == is_area else "better"


def duels(results: Results, places: Sequence[Place], a: str, b: str, measure: Measure) -> list[Duel]:
    """a against b at every place where both have finished runs of the same seeds."""
    found = [duel for place in places if (duel := _duel(results, place, a, b, measure))]
    corrected = holm([duel.p for duel in found])
    return [Duel(**{**vars(duel), "corrected": p}) for duel, p in zip(found, corrected, strict=True)]


def _duel(results: Results, place: Place, a: str, b: str, measure: Measure) -> Duel | None:
    ours, theirs = finished(results, place, a), finished(results, place, b)
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    x, y = (np.array([value(side[seed], measure) for seed in seeds]) for side in (ours, theirs))
    rng = np.random.default_rng(0)
    if isinstance(measure, str):
        (estimate, low, high), change = paired_difference(x, y, rng), x - y
    else:
        (estimate, low, high), change = paired_ratio(x, y, rng), np.log(x / y)
    late = [
        float(np.mean([not isinstance(measure, str) and side[seed].censored[measure] for seed in seeds]))
        for side in (ours, theirs)
    ]
    p = paired_test(change)
    return Duel(place, estimate, low, high, p, p, len(seeds), float(x.mean()), float(y.mean()), late[0], late[1])


def value(outcome: Outcome, measure: Measure) -> float:
    """The outcome's number of this measure."""
    return outcome.areas[measure] if isinstance(measure, str) else outcome.to[measure]


def paired_test(change: np.ndarray) -> float:
    """p of Student's t for a mean change of 0; 1 with no change at all or with fewer than three pairs."""
    if len(change) < 3 or not np.abs(change).max() > 1e-12:
        return 1.0
    if np.ptp(change) < 1e-12:  # every pair says the same: the sign test's p, for a variance of 0 would say 0
        return float(2.0 ** (1 - len(change)))
    return float(stats.ttest_1samp(change, 0.0).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction. Holm, "A simple sequentially rejective multiple test procedure", 1979."""
    order, corrected, worst = np.argsort(p), [0.0] * len(p), 0.0
    for place, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - place) * p[index]))
        corrected[index] = worst
    return corrected


def pooled(
    results: Results, places: Sequence[Place], a: str, b: str, of: Callable[[Outcome], float]
) -> tuple[float, float, float, int]:
    """(geometric mean over places of a / b, low, high, how many places), paired by seed."""
    pairs = []
    for place in places:
        ours, theirs = finished(results, place, a), finished(results, place, b)
        seeds = sorted(ours.keys() & theirs.keys())
        if seeds:
            pairs.append(([of(ours[seed]) for seed in seeds], [of(theirs[seed]) for seed in seeds]))
    if not pairs:
        return float("nan"), float("nan"), float("nan"), 0
    return *pooled_ratio(pairs, np.random.default_rng(0)), len(pairs)


def tally(found: Sequence[Duel], measure: Measure) -> tuple[int, int, int]:
    """(wins, ties, losses) of a, beyond noise."""
    said = [duel.verdict(measure) for duel in found]
    return said.count("better"), said.count("tie"), said.count("worse")


def best_everywhere(results: Results, places: Sequence[Place], names: Sequence[str], measure: Measure) -> str:
    """The contestant that does best against random over all places, of those that finished at each; "" if none did."""
    scores = {}
    for name in names:
        ratio, _, _, count = pooled(results, places, name, "random", lambda one: value(one, measure))
        if count == len(places):
            scores[name] = -ratio if isinstance(measure, str) else ratio
    return min(scores, key=lambda name: scores[name]) if scores else ""


def best_here(results: Results, place: Place, names: Sequence[str], measure: Measure) -> str:
    """The contestant that did best at this place, with hindsight, against random on its own seeds; "" if none ran."""
    scores = {}
    for name in names:
        duel = _duel(results, place, name, "random", measure)
        if duel:
            scores[name] = -duel.estimate if isinstance(measure, str) else duel.estimate
    return min(scores, key=lambda name: scores[name]) if scores else ""
