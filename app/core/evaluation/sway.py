"""How much suggestions sway people: answers where one was shown against answers where a coin had hidden it."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from app.core.data import BoolArray, FloatArray, IntArray
from app.core.evaluation.intervals import wilson

AT_LEAST = 20  # answers of each kind, below which nothing is said

Strata = list[tuple[int, int, int, int]]  # (same, n) where it was shown, (same, n) where it was hidden


@dataclass(frozen=True)
class Tossed:
    """Answers to items of which a coin hid the suggestion or not: share [n], with which the coin hid it, in (0, 1);
    hidden [n]; same [n], the answer is what was suggested; seconds [n] of attention, NaN where nobody knows.
    """

    share: FloatArray
    hidden: BoolArray
    same: BoolArray
    seconds: FloatArray

    def some(self, of: BoolArray | IntArray) -> "Tossed":
        """Those that a mask [n] or places say."""
        return Tossed(self.share[of], self.hidden[of], self.same[of], self.seconds[of])


def sway(tossed: Tossed) -> dict[str, Any]:
    """{"shown", "hidden": {"n", "same", "share", "seconds"}, "difference": {"estimate", "low", "high"}}.

    share: of answers that are as suggested; seconds: the median; both None without any. `difference` is shown less
    hidden, None where either has fewer than AT_LEAST answers. Where the lead changed the coin's share meanwhile, the
    answers under each share are compared with each other only, for the model may have been another one by then:
    shares are then weighted as `difference_of_shares` does, medians by one over the probability.
    """
    strata = [_counts(tossed.some(tossed.share == share)) for share in np.unique(tossed.share)]
    both = [one for one in strata if one[1] and one[3]]
    least = min(sum(n for _, n, _, _ in both), sum(n for _, _, _, n in both))
    difference = difference_of_shares(both) if least >= AT_LEAST else None
    weights = [n * m / (n + m) for _, n, _, m in both]
    told: dict[str, Any] = {}
    for name, place, mine in (("shown", 0, ~tossed.hidden), ("hidden", 2, tossed.hidden)):
        shares = [one[place] / one[place + 1] for one in both]
        chance = np.where(tossed.hidden, tossed.share, 1 - tossed.share)
        told[name] = {
            "n": int(mine.sum()),
            "same": int(tossed.same[mine].sum()),
            "share": float(np.average(shares, weights=weights)) if both else None,
            "seconds": _median(tossed.seconds[mine], 1 / chance[mine]),
        }
    names = ("estimate", "low", "high")
    return {**told, "difference": dict(zip(names, difference, strict=True)) if difference else None}


def difference_of_shares(strata: Strata, level: float = 0.95) -> tuple[float, float, float]:
    """p₁ − p₂ over strata (x₁, n₁, x₂, n₂), none of them empty, as (estimate, low, high).

    d = Σ_s w_s (p₁ₛ − p₂ₛ), w_s ∝ n₁ₛ n₂ₛ / (n₁ₛ + n₂ₛ), the weights of Mantel & Haenszel (JNCI 1959);
    low = d − √ Σ w_s² ((p₁ₛ − l₁ₛ)² + (u₂ₛ − p₂ₛ)²), high = d + √ Σ w_s² ((u₁ₛ − p₁ₛ)² + (p₂ₛ − l₂ₛ)²), with Wilson's
    limits l, u of each share. Of one stratum that is method 10 of Newcombe, "Interval estimation for the difference
    between independent proportions", Statistics in Medicine 17, 1998; of several, Zou, Huang & Zhang, "A note on
    confidence interval estimation for a linear function of binomial proportions", CSDA 53, 2009.
    """
    total = sum(n * m / (n + m) for _, n, _, m in strata)
    d = below = above = 0.0
    for x, n, y, m in strata:
        weight = n * m / (n + m) / total
        (l1, u1), (l2, u2) = wilson(x, n, level), wilson(y, m, level)
        p, q = x / n, y / m
        d += weight * (p - q)
        below += weight**2 * ((p - l1) ** 2 + (u2 - q) ** 2)
        above += weight**2 * ((u1 - p) ** 2 + (q - l2) ** 2)
    return d, d - sqrt(below), d + sqrt(above)


def _counts(tossed: Tossed) -> tuple[int, int, int, int]:
    hidden = tossed.hidden
    counts = (tossed.same[~hidden].sum(), (~hidden).sum(), tossed.same[hidden].sum(), hidden.sum())
    return tuple(int(one) for one in counts)  # type: ignore[return-value]  # four


def _median(values: FloatArray, weights: FloatArray) -> float | None:
    """The weighted median; with equal weights the usual one."""
    known = np.isfinite(values)
    if not known.any():
        return None
    order = np.argsort(values[known], kind="stable")
    sorted_values, below = values[known][order], np.cumsum(weights[known][order])
    half = below[-1] / 2
    place = int(np.searchsorted(below, half * (1 - 1e-12)))
    on_the_line = abs(below[place] - half) <= 1e-9 * half and place + 1 < len(below)
    return float(sorted_values[place : place + 2].mean() if on_the_line else sorted_values[place])
