"""What replays say together: a curve with its band, labels to a target, area, and ratios to random paired by seed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from app.core.evaluation.curves import RESAMPLES, aubc, labels_to, paired_difference, paired_ratio

LEVELS = (0.9, 0.95, 0.99)
HEADLINE = 0.95
BASELINE = "random"

Pairs: TypeAlias = Sequence[tuple[float, float]]
# The accuracy with all labels, by (learner, seed).
Full: TypeAlias = Mapping[tuple[str, int], float]


@dataclass(frozen=True)
class Run:
    """One replay: its strategy and learner as they were written, and (labels, accuracy) after each round."""

    strategy: str
    learner: str
    seed: int
    points: Pairs


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with a 95 % bootstrap interval; no interval from fewer than three seeds."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Reach:
    """Labels to a share (`level`) of the accuracy that all labels give; `target` is that accuracy, on average.

    missed: of so many seeds the curve ended below it; they count as one batch more than the budget, which is too few.
    ratio: labels over those of random asking, the geometric mean over seeds; None where there is nothing to compare.
    """

    level: float
    target: float
    labels: Estimate
    missed: int
    ratio: Estimate | None


@dataclass(frozen=True)
class Standing:
    """What one strategy with one learner reached. curve: (labels, mean accuracy) with its band."""

    strategy: str
    learner: str
    seeds: int
    curve: tuple[tuple[float, Estimate], ...]
    area: Estimate
    reaches: tuple[Reach, ...]

    def reach(self, level: float) -> Reach:
        """The one of this level."""
        return next(one for one in self.reaches if one.level == level)


@dataclass(frozen=True)
class Bootstrap:
    """Means over seeds with their intervals, of so many resamples; equal values in equal order, equal intervals."""

    rng: np.random.Generator
    resamples: int

    def mean(self, values: Sequence[float]) -> Estimate:
        """The mean of values, one a seed."""
        return _estimate(*paired_difference(values, np.zeros(len(values)), self.rng, resamples=self.resamples))

    def ratio(self, ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
        """The geometric mean of ratios of positive values, one pair a seed."""
        return _estimate(*paired_ratio(ours, theirs, self.rng, resamples=self.resamples))


def compare(
    runs: Iterable[Run],
    full: Full,
    rng: np.random.Generator,
    levels: Sequence[float] = LEVELS,
    resamples: int = RESAMPLES,
) -> list[Standing]:
    """A standing for each (strategy, learner), in the order of their first runs.

    Only runs whose full-data accuracy is known count. A ratio is taken over the seeds that both have. Areas are taken
    from the first label to the least last point of all curves of the learner, so that they compare.
    """
    groups: dict[tuple[str, str], dict[int, Pairs]] = {}
    for run in runs:
        if (run.learner, run.seed) in full and run.points:
            groups.setdefault((run.strategy, run.learner), {})[run.seed] = run.points
    found, boot = [], Bootstrap(rng, resamples)
    for (strategy, learner), curves in groups.items():
        same = [curve for (_, other), each in groups.items() if other == learner for curve in each.values()]
        bounds = max(curve[0][0] for curve in same), min(curve[-1][0] for curve in same)
        base = groups.get((BASELINE, learner), {}) if strategy != BASELINE else {}
        areas = [aubc(curve, *bounds) for curve in curves.values()]
        reaches = tuple(_reach(level, learner, curves, base, full, boot) for level in levels)
        found.append(Standing(strategy, learner, len(curves), _curve(curves, boot), boot.mean(areas), reaches))
    return found


def best(standings: Sequence[Standing], level: float = HEADLINE) -> Standing | None:
    """The one with the fewest labels to the level, random asking aside; None without any."""
    others = [one for one in standings if one.strategy != BASELINE]
    return min(others, key=lambda one: one.reach(level).labels.value, default=None)


def sentence(standings: Sequence[Standing]) -> str:
    """What a reader wants to know first: the labels that the best strategy would have needed, and those at random."""
    for level in (HEADLINE, LEVELS[0]):
        first = best(standings, level)
        if first is not None and not first.reach(level).missed:
            return _reached(standings, first, level)
    return _ended(standings)


def _reached(standings: Sequence[Standing], first: Standing, level: float) -> str:
    reach, base = first.reach(level), _baseline(standings, first)
    told = f"To reach {_percent(reach.target)} ({_percent(level)} of what all labels give), you would have needed"
    told += f" {needed(reach)} labels by {first.strategy}"
    if base is None:
        return f"{told}."
    return f"{told}, {needed(base.reach(level))} at random. {_doubt(reach)}".strip()


def _ended(standings: Sequence[Standing]) -> str:
    """Where no strategy came near what all labels give: what they reached instead."""
    if not standings:
        return ""
    ends = [f"{_percent(one.curve[-1][1].value)} by {one.strategy}" for one in standings]
    full = standings[0].reaches[0].target / standings[0].reaches[0].level
    labels = standings[0].curve[-1][0]
    told = f"{labels:,.0f} labels are too few to come near the {_percent(full)} that all labels give"
    return f"{told}: they reach {', '.join(ends)}."


def _baseline(standings: Sequence[Standing], other: Standing) -> Standing | None:
    return next((one for one in standings if (one.strategy, one.learner) == (BASELINE, other.learner)), None)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"


def needed(reach: Reach) -> str:
    """The labels for people: "140"; "more than 280" where some seeds never got there, so that the mean is too low."""
    return f"{'more than ' if reach.missed else ''}{reach.labels.value:,.0f}"


def _doubt(reach: Reach) -> str:
    """What the paired ratio says of the difference."""
    ratio = reach.ratio
    if ratio is None:
        return ""
    if ratio.low is None or ratio.high is None:
        return "Too few repetitions to tell this from luck: three at least."
    if ratio.low <= 1 <= ratio.high:
        return "The repetitions differ too much to tell which of the two needs fewer."
    return ""


def _curve(curves: Mapping[int, Pairs], boot: Bootstrap) -> tuple[tuple[float, Estimate], ...]:
    """The mean at every number of labels that all seeds have a point at."""
    tables = [dict(curve) for curve in curves.values()]
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    return tuple((labels, boot.mean([table[labels] for table in tables])) for labels in shared)


def _reach(
    level: float,
    learner: str,
    curves: Mapping[int, Pairs],
    base: Mapping[int, Pairs],
    full: Full,
    boot: Bootstrap,
) -> Reach:
    found = {seed: labels_to(curve, level * full[learner, seed]) for seed, curve in curves.items()}
    theirs = {seed: labels_to(base[seed], level * full[learner, seed]) for seed in found if seed in base}
    target = level * float(np.mean([full[learner, seed] for seed in found]))
    missed = sum(is_missed for _, is_missed in found.values())
    labels = boot.mean([labels for labels, _ in found.values()])
    return Reach(level, target, labels, missed, _ratio(found, theirs, boot))


def _ratio(
    ours: Mapping[int, tuple[float, bool]], theirs: Mapping[int, tuple[float, bool]], boot: Bootstrap
) -> Estimate | None:
    """None where most pairs say nothing, because neither of the two got there."""
    blind = sum(ours[seed][1] and theirs[seed][1] for seed in theirs)
    if 2 * blind >= len(theirs):
        return None
    # A model without labels may be right often enough: no ratio of nothing.
    pairs = [(max(1.0, ours[seed][0]), max(1.0, labels)) for seed, (labels, _) in theirs.items()]
    return boot.ratio([a for a, _ in pairs], [b for _, b in pairs])


def _estimate(value: float, low: float, high: float) -> Estimate:
    is_bounded = math.isfinite(low) and math.isfinite(high)
    return Estimate(value, low, high) if is_bounded else Estimate(value, None, None)
