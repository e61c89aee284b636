"""The stage `balance`: classes with few labels first, by the class that the model predicts."""

import heapq

import numpy as np

from app.core.data import IntArray
from app.core.stages import Reordered


def by_class(order: IntArray, predicted: IntArray, labels: IntArray) -> Reordered:
    """The queue [n] so that each place goes to the class with the fewest labels so far, those asked before it included.

    predicted [n]: the class the model predicts of each row in `order`, 0 … K − 1. labels [K]: labels of each class.
    Place by place: c = argmin over the classes that still have a row of (labels_c + rows of c placed before); then c's
    row that the strategy ranks highest. Of classes with equally few the one whose row ranks highest. A class whose rows
    are used up is passed over, so that the rest stays in turn and in order, never at random. `moved`: rows that were
    put forward. Cost O(n log K).

    The place of class-balanced acquisition: Bengar et al., "Class-balanced active learning for image classification",
    WACV 2022, which solves for it by regularised least squares; the greedy form by predicted (pseudo-) classes is PCB:
    Bang, Ahn & Lee, "Active prompt learning in vision language models", CVPR 2024. It is for rare classes: where
    accuracy over a skewed pool is what counts, it may cost labels. Raises ValueError where an array does not fit.
    """
    order, predicted = np.asarray(order), np.asarray(predicted)
    if predicted.shape != order.shape or (len(predicted) and not 0 <= predicted.min() <= predicted.max() < len(labels)):
        raise ValueError(f"each row needs a predicted class from 0 to {len(labels) - 1}")
    waiting = {int(c): iter(np.flatnonzero(predicted == c).tolist()) for c in np.unique(predicted)}
    turns = [(int(labels[c]), next(rows), c) for c, rows in waiting.items()]
    heapq.heapify(turns)
    places = np.empty(len(order), np.int64)
    for place in range(len(order)):
        had, at, c = turns[0]
        places[place] = at
        following = next(waiting[c], None)
        if following is None:
            heapq.heappop(turns)
        else:
            heapq.heapreplace(turns, (had + 1, following, c))
    return Reordered(order[places], places, places > np.arange(len(order)))
