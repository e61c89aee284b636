"""The stage `candidates`: of a pool of any size as many rows as a strategy can look at in time."""

import numpy as np

from app.core.data import FloatArray, IntArray
from app.core.strategies import best

# The share of the candidates that is drawn from the whole pool, whatever the model thinks: without it a strategy that
# seeks what is typical or new would know nothing of what the model is sure of, and wrong about.
UNIFORM = 0.2


def preselect(n: int, most: int, doubt: FloatArray | None, rng: np.random.Generator) -> IntArray:
    """At most `most` of the rows 0 … n − 1, sorted; all of them where `most` is 0 or n is no more.

    With doubts [n], higher is more doubtful: the most doubtful ones, equal ones by row, and a uniform sample of the
    others as a fifth of the whole. Without: a uniform sample. Raises ValueError where there are not n doubts.
    """
    if doubt is not None and len(doubt) != n:
        raise ValueError(f"{len(doubt)} doubts of {n} rows")
    if most <= 0 or n <= most:
        return np.arange(n)
    if doubt is None:
        return np.sort(rng.choice(n, most, replace=False, shuffle=False))
    top = best(doubt, most - round(UNIFORM * most)).rows
    others = np.ones(n, bool)
    others[top] = False
    drawn = rng.choice(np.flatnonzero(others), most - len(top), replace=False, shuffle=False)
    return np.sort(np.concatenate([top, drawn]))
