"""Exemplars: for each class a few labelled items that show what it is, and a few that show where it ends."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.data import BoolArray, Features, FloatArray, IntArray, of_items
from app.core.labelled import Labelled
from app.core.tasks import Task

TYPICAL, NEAR = 3, 2  # exemplars of a class
AGREED = 0.9  # of the merged answers
CLOSE = 0.5  # a difference of probabilities; items farther from the boundary show nothing of it
# Labelled items that are looked at: in all, so that a round's cost has a bound; and of a class.
LOOKED_AT, OF_A_CLASS, LEAST_OF_A_CLASS = 20_000, 100, 20
NOTHING: IntArray = np.empty(0, np.int64)


@dataclass(frozen=True)
class Exemplars:
    """Of one class: rows of typical items, the most typical first, and of items near the boundary with `neighbour`, the
    class with which the model confuses it most; None where it confuses it with none.
    """

    typical: IntArray
    near: IntArray
    neighbour: int | None


def exemplars(
    task: Task,
    labelled: Labelled,
    features: Features,
    scores: npt.NDArray[np.floating[Any]] | None,
    open_rows: IntArray,
    similarity: float,
    rng: np.random.Generator,
) -> list[Exemplars]:
    """The exemplars of each class [K], from the labelled items on whose answer people agree.

    scores [pieces, outputs]: probabilities made without each item's own label, NaN where there is none such.
    open_rows: items that somebody may still be asked; none of them is shown, for its answer would be given away.
    Cost O(m d) for at most m = LOOKED_AT items of d dimensions, drawn uniformly of each class.
    """
    allowed = ~np.isin(labelled.rows, open_rows)
    if task.exclusive:
        allowed &= labelled.cuts.all(labelled.targets.max(axis=1) >= AGREED)
    members = (task.by_class(labelled.targets, labelled.cuts) >= AGREED) & allowed[:, None]
    most = int(np.clip(LOOKED_AT // len(task.classes), LEAST_OF_A_CLASS, OF_A_CLASS))
    drawn = [_some(np.flatnonzero(column), most, rng) for column in members.T]
    places = np.unique(np.concatenate(drawn))
    if not len(places):
        return [Exemplars(NOTHING, NOTHING, None)] * len(task.classes)
    some = labelled.some(places)
    p = np.full((len(places), len(task.classes)), np.nan, np.float32)
    if scores is not None:
        p = task.by_class(np.asarray(scores[some.pieces], np.float32), some.cuts)
    x = of_items(features, some.rows)
    found = []
    for k, mine in enumerate(drawn):
        at = np.searchsorted(places, mine)
        typical, near, neighbour = of_class(x[at], p[at], members[mine], k, similarity)
        found.append(Exemplars(some.rows[at[typical]], some.rows[at[near]], neighbour))
    return found


def of_class(
    x: FloatArray, p: FloatArray, members: BoolArray, k: int, similarity: float
) -> tuple[IntArray, IntArray, int | None]:
    """Places of the typical and of the near ones among the items of class k, and the class near to which these are.

    x [n, d]: features. p [n, K]: probabilities of the classes, NaN where unknown. members [n, K]: the classes of each.
    Typical are those nearest to the mean of x, of the half that the model gets right with most confidence; where none
    is right, of those of which it said nothing. The neighbour is the class j, not among an item's own, with the highest
    sum of p_j; near are the smallest |p_k − p_j| below CLOSE.
    """
    p = np.asarray(p, np.float64)
    known = np.asarray(np.isfinite(p).all(axis=1))
    others = np.where(members | ~known[:, None], 0, p)
    right = np.flatnonzero(known & (p[:, k] > others.max(axis=1, initial=0)))
    sure = right[np.argsort(-p[right, k], kind="stable")][: (len(right) + 1) // 2]
    typical = _nearest(x, np.sort(sure) if len(right) else np.flatnonzero(~known), similarity)
    if not known.any() or others.sum() <= 0:
        return typical, NOTHING, None
    neighbour = int(others.sum(axis=0).argmax())
    gap = np.where(known & ~members[:, neighbour], np.abs(p[:, k] - p[:, neighbour]), np.inf)
    gap[typical] = np.inf
    near = np.argsort(gap, kind="stable")[:NEAR]
    near = near[gap[near] < CLOSE]
    return typical, near, neighbour if len(near) else None


def _nearest(x: FloatArray, candidates: IntArray, similarity: float) -> IntArray:
    """The candidates nearest to the mean of all x, none so like another one that it shows nothing new."""
    if not len(candidates):
        return NOTHING
    distance = np.square(x[candidates] - x.mean(axis=0)).sum(axis=1)
    units = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    chosen: list[int] = []
    for place in candidates[np.argsort(distance, kind="stable")].tolist():
        if len(chosen) == TYPICAL:
            break
        if not chosen or (units[chosen] @ units[place]).max() < similarity:
            chosen.append(place)
    return np.array(chosen, np.int64)


def _some(rows: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
