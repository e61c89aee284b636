"""Forecast of the learning curve: what more labels would bring, with a band, or that nothing can be said yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from app.core.data import FloatArray

LEAST_POINTS, LEAST_GROWTH = 5, 2.0  # fewer points, or labels that have not doubled, bend in too many ways
MOST_POINTS = 24  # neighbouring rounds say nearly the same; more of them cost time only
SHARED = 0.8  # correlation of an item's being right under two models of one project
# Finely spaced: a curve between two of 8 rates misses them by more than points of one project miss each other, and
# its forecast was off by five points.
RATES = np.geomspace(0.08, 2.0, 36)  # c of the power law
DECAYS = np.geomspace(0.5, 8.0, 24)  # c of the exponential, in units of the last point's labels
RESAMPLES = 300


@dataclass(frozen=True)
class Forecast:
    """The curve to come: accuracy [m] at so many labels [m], and the band that holds it with 95 %.

    The first label count is the last measured one. least, most [m]: the lowest and the highest gain since then that the
    band's curves make, with 97.5 % each. family: "power" or "exponential", the one that fits better.
    """

    labels: FloatArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    least: FloatArray
    most: FloatArray
    family: str

    def gain(self, more: float) -> float:
        """What so many more labels are expected to bring, within the forecast's reach."""
        at = np.interp(self.labels[0] + more, self.labels, self.estimate)
        return float(at - self.estimate[0])

    def labels_for(self, gain: float) -> float | None:
        """How many more labels bring this gain; None where the forecast does not reach it."""
        wanted = self.estimate[0] + gain
        if self.estimate[-1] < wanted:
            return None
        return float(np.interp(wanted, self.estimate, self.labels) - self.labels[0])  # b ≥ 0: the estimate never falls


def forecast(
    points: Sequence[tuple[float, float, float, float]],
    until: float,
    rng: np.random.Generator,
    level: float = 0.95,
    steps: int = 41,
) -> Forecast | None:
    """Forecast from points (labels, estimate, low, high), labels rising, up to `until` labels; None: cannot tell yet.

    The families are a − b n^−c and a − b e^−cn with a ≤ 1 and b ≥ 0, fitted to the estimates by generalised least
    squares: points of one project are measured on samples that contain each other, so their errors are alike,
    Cov = s_i s_j ρ min(s) / max(s) for i ≠ j; a fit that misses by more widens s. s is read off a line of log width
    over log labels: 6 right of 6 have a narrow interval, and would else weigh more than points that say more.
    The forecast is the last estimate and the gain g(n) = f(n) − f(last) from there, the mean over fits, c and family
    chosen anew, to curves drawn with these errors around the first fit: a single fit is often flat by chance, and would
    say too soon that labels are enough. The band begins with the last point's interval and grows by the spread of g,
    low = ŷ + ḡ − √((ŷ − low_last)² + (ḡ − g_2.5%)²): the level that a sample's luck has shifted stays shifted.
    Power laws fit most learning curves: Viering & Loog, "The shape of learning curves: a review", TPAMI 2023.
    """
    kept = _thinned(points)
    if len(kept) < LEAST_POINTS or kept[-1, 0] < LEAST_GROWTH * kept[0, 0] or until <= kept[-1, 0]:
        return None
    n, y = kept[:, 0], kept[:, 1]
    root = np.linalg.cholesky(_covariance(_smooth(n, kept[:, 3] - kept[:, 2])))
    models = _models(n, root)
    coefficients, best, misfit = _fit(models, np.linalg.solve(root, y)[None])
    root = root * np.sqrt(max(1.0, misfit[0] / max(len(n) - 3, 1)))
    drawn = _values(models, n, coefficients, best) + rng.standard_normal((RESAMPLES, len(n))) @ root.T
    coefficients, chosen, _ = _fit(models, np.linalg.solve(models.root, drawn.T).T)
    at = np.linspace(n[-1], until, steps)
    curves = np.clip(_values(models, at, coefficients, chosen), 0, 1)
    gains = curves - curves[:, :1]
    family = "power" if best[0] < len(RATES) else "exponential"
    return _from_the_last(kept[-1], at, gains, (1 - level) / 2, family)


def _from_the_last(last: FloatArray, at: FloatArray, gains: FloatArray, tail: float, family: str) -> Forecast:
    """From the last point (labels, estimate, low, high) on, by drawn gains [r, m]."""
    least, most = np.quantile(gains, [tail, 1 - tail], axis=0)
    gain = gains.mean(axis=0)
    estimate = last[1] + gain
    low = estimate - np.hypot(last[1] - last[2], gain - least)
    high = estimate + np.hypot(last[3] - last[1], most - gain)
    estimate, low, high = (np.clip(each, 0, 1) for each in (estimate, low, high))
    return Forecast(at, estimate, low, high, least, most, family)


@dataclass(frozen=True)
class _Models:
    """Every shape g of f(n) = a − b g(n), one for each rate c, and their whitened design: L⁻¹ of 1 and of g."""

    scale: float
    root: FloatArray  # L [p, p]
    ones: FloatArray  # [p]
    shapes: FloatArray  # [s, p]


def _shapes(n: FloatArray, scale: float) -> FloatArray:
    """g(n) [s, p] of every model, 1 at n = scale for the power law, so that b is of the size of a gap."""
    power = (n / scale) ** -RATES[:, None]
    return np.concatenate([power, np.exp(DECAYS[:, None] * (1 - n / scale))])


def _models(n: FloatArray, root: FloatArray) -> _Models:
    scale = float(n[-1])
    white = np.linalg.solve(root, np.column_stack([np.ones(len(n)), _shapes(n, scale).T])).T
    return _Models(scale, root, white[0], white[1:])


def _fit(models: _Models, y: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp], FloatArray]:
    """The best model of each whitened curve y [r, p]: (a, b) [r, 2], its number [r] and its squared error [r].

    Two unknowns, so the bounds are met by hand: b = 0, or a = 1, where the free solution breaks them.
    """
    u, g = models.ones, models.shapes
    uu, ug, gg = u @ u, g @ u, (g * g).sum(1)
    uy, gy = y @ u, y @ g.T
    # a u − b g = y
    determinant = uu * gg - ug**2
    b = (ug * uy[:, None] - uu * gy) / determinant
    b = np.maximum(b, 0)
    a = (uy[:, None] + b * ug) / uu
    over = a > 1
    b = np.where(over, np.maximum((ug - gy) / gg, 0), b)
    a = np.where(over, 1, a)
    squares = (y * y).sum(1)[:, None] - 2 * (a * uy[:, None] - b * gy) + a * a * uu - 2 * a * b * ug + b * b * gg
    chosen = squares.argmin(axis=1)
    row = np.arange(len(y))
    return np.column_stack([a[row, chosen], b[row, chosen]]), chosen, squares[row, chosen]


def _values(models: _Models, n: FloatArray, coefficients: FloatArray, chosen: npt.NDArray[np.intp]) -> FloatArray:
    return coefficients[:, :1] - coefficients[:, 1:] * _shapes(n, models.scale)[chosen]


def _smooth(n: FloatArray, widths: FloatArray) -> FloatArray:
    """The widths [p] on a line of their logs over log labels; of a falling one, as more labels say more."""
    x, logs = np.log(n), np.log(np.maximum(widths, 1e-4))
    slope = min(0.0, float(np.polyfit(x, logs, 1)[0]))
    return np.asarray(np.exp(logs.mean() + slope * (x - x.mean())))


def _covariance(widths: FloatArray) -> FloatArray:
    s = np.maximum(widths / (2 * NormalDist().inv_cdf(0.975)), 1e-4)
    alike = SHARED * np.minimum(s[:, None], s) / np.maximum(s[:, None], s)
    np.fill_diagonal(alike, 1.0)
    return np.asarray(alike * s[:, None] * s)


def _thinned(points: Sequence[tuple[float, float, float, float]]) -> FloatArray:
    """At most so many points, evenly spread over log labels, the last among them; of equal labels the latest."""
    latest = {point[0]: point for point in points if point[0] > 0}
    array = np.array([latest[labels] for labels in sorted(latest)], np.float64).reshape(-1, 4)
    if len(array) <= MOST_POINTS:
        return array
    wanted = np.geomspace(array[0, 0], array[-1, 0], MOST_POINTS)
    places = np.unique(np.abs(np.log(array[:, 0])[None] - np.log(wanted)[:, None]).argmin(axis=1))
    return np.asarray(array[places])
