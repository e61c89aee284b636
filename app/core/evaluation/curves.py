"""Budget curves: labels needed for a target, the area under a curve, and comparisons paired by seed with intervals.

A curve is a sequence of (labels, value), labels rising, a value being anything that is better when higher.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray

Points: TypeAlias = Sequence[tuple[float, float]]
Values: TypeAlias = Sequence[float] | FloatArray

RESAMPLES = 4000


def labels_to(points: Points, target: float, hold: int = 1) -> tuple[float, bool]:
    """Labels at the first point with a value ≥ target that the next hold − 1 points keep, and whether it is censored.

    hold = 1 is the first reach; hold = 2 asks for one more point, so that one lucky model does not count. A curve that
    never gets there is censored: it counts as the last point's labels and one more step, which is too few; say the
    share of censored curves beside every mean. Raises ValueError without points.
    """
    labels, values = _arrays(points)
    reached = values >= target
    for index in range(len(labels) - hold + 1):
        if reached[index : index + hold].all():
            return float(labels[index]), False
    step = labels[-1] - labels[-2] if len(labels) > 1 else 0.0
    return float(labels[-1] + step), True


def aubc(points: Points, first: float | None = None, last: float | None = None) -> float:
    """Area under the budget curve between `first` and `last` labels, divided by last − first: the curve's mean value.

    (1 / (b − a)) ∫ₐᵇ v(l) dl by trapezoids; outside of its points a curve keeps its first and last value. Curves are
    comparable over equal bounds only; without bounds they are those of the points. Zhan, Liu, Li & Chan, "A comparative
    survey: benchmarking for pool-based active learning", IJCAI 2021.
    """
    labels, values = _arrays(points)
    low, high = labels[0] if first is None else first, labels[-1] if last is None else last
    if high <= low:
        return float(np.interp(low, labels, values))
    inside = labels[(labels > low) & (labels < high)]
    at = np.concatenate([[low], inside, [high]])
    return float(np.trapezoid(np.interp(at, labels, values), at) / (high - low))


def improvement(area: float, random_area: float, ceiling: float) -> float:
    """How much of what random asking leaves open a strategy gains: (A − A_random) / (ceiling − A_random).

    The ceiling is the value with all labels. 0: as random; 1: at the ceiling from the first label; below 0: worse.
    NaN where random asking leaves nothing open.
    """
    return (area - random_area) / (ceiling - random_area) if ceiling > random_area else float("nan")


def paired_ratio(
    a: Values, b: Values, rng: np.random.Generator, level: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float, float]:
    """(geometric mean of a_i / b_i, low, high) of values paired by seed: exp of the mean log ratio, bootstrapped.

    With labels needed, below 1 means that a needs fewer. See `pooled_ratio`, of which this is the case of one data set.
    """
    return pooled_ratio([(a, b)], rng, level, resamples)


def pooled_ratio(
    pairs: Sequence[tuple[Values, Values]],
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[float, float, float]:
    """The geometric mean over data sets of each one's ratio a / b, with its interval; pairs: (a, b) of each data set.

    Seeds are resampled within each data set, so the interval speaks of these data sets. Raises ValueError for values
    that are not positive or not paired.
    """
    logs = []
    for a, b in pairs:
        top, bottom = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if top.shape != bottom.shape or not top.size or not (top > 0).all() or not (bottom > 0).all():
            raise ValueError("a ratio needs positive values in pairs")
        logs.append(np.log(top / bottom))
    mean, low, high = _mean_of_means(logs, rng, level, resamples)
    return float(np.exp(mean)), float(np.exp(low)), float(np.exp(high))


def paired_difference(
    a: Values, b: Values, rng: np.random.Generator, level: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float, float]:
    """(mean of a_i − b_i, low, high) of values paired by seed; for areas and accuracies."""
    top, bottom = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if top.shape != bottom.shape or not top.size:
        raise ValueError("a difference needs values in pairs")
    return _mean_of_means([top - bottom], rng, level, resamples)


def _mean_of_means(
    groups: list[FloatArray], rng: np.random.Generator, level: float, resamples: int
) -> tuple[float, float, float]:
    """The mean of the groups' means, with an expanded percentile interval; unbounded if a group has under 3 values.

    Percentiles of few values are too narrow, by about √((n−1)/n) · z/t; they are taken further out by as much.
    Hesterberg, "What teachers should know about the bootstrap", American Statistician 2015.
    """
    mean = float(np.mean([group.mean() for group in groups]))
    smallest = min(len(group) for group in groups)
    if smallest < 3:
        return mean, -np.inf, np.inf
    drawn = np.mean([group[rng.integers(len(group), size=(resamples, len(group)))].mean(1) for group in groups], axis=0)
    tail = NormalDist().cdf(-np.sqrt(smallest / (smallest - 1)) * _student((1 + level) / 2, smallest - 1))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return mean, float(low), float(high)


def _student(share: float, freedom: int) -> float:
    """The quantile of Student's t, by its expansion in 1 / freedom (Fisher & Cornish, Technometrics 1960)."""
    z = NormalDist().inv_cdf(share)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def _arrays(points: Points) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if not points:
        raise ValueError("a curve needs at least one point")
    labels, values = np.array(points, np.float64).T
    if (np.diff(labels) <= 0).any():
        raise ValueError("the labels of a curve must rise")
    return labels, values
