"""Intervals of plain shares."""

from statistics import NormalDist

import numpy as np


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share: (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n).

    p̂ = successes / n; z, the normal quantile of the level. Holds near 0 and 1 and for small n, where p̂ ±
    z·se fails. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, z2n = successes / n, z * z / n
    centre = (share + z2n / 2) / (1 + z2n)
    half = z * np.sqrt(share * (1 - share) / n + z2n / (4 * n)) / (1 + z2n)
    # At the ends the formula is exactly 0 or 1; rounding must not move it inside.
    low = 0.0 if successes == 0 else max(0.0, float(centre - half))
    high = 1.0 if successes == n else min(1.0, float(centre + half))
    return low, high
