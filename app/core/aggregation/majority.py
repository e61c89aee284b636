"""The aggregator `majority`: every vote counts the same."""

from dataclasses import dataclass

import numpy as np

from app.core.aggregation import Aggregator, Merged
from app.core.data import IntArray


@dataclass(frozen=True)
class Majority(Aggregator):
    """Majority vote: p(class) is its share of the votes; an even vote goes to the class that stands first.

    An annotator's quality is the share of the annotator's votes that agree with the merged class.
    """

    def merge(self, units: IntArray, annotators: IntArray, classes: IntArray, n_classes: int) -> Merged:
        """p_uc = votes for c on u / votes on u."""
        distinct, place = np.unique(units, return_inverse=True)
        counts = np.bincount(place * n_classes + classes, minlength=len(distinct) * n_classes)
        shares = counts.reshape(len(distinct), n_classes).astype(np.float64)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
        agrees = shares.argmax(axis=1)[place] == classes if len(units) else np.empty(0, bool)
        people, who = np.unique(annotators, return_inverse=True)
        quality = np.bincount(who, weights=agrees, minlength=len(people)) / np.maximum(np.bincount(who), 1)
        return Merged(distinct, shares, {int(a): float(q) for a, q in zip(people, quality, strict=True)})
