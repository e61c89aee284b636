"""Stages: what a round does to the candidates before a strategy ranks them, and to the queue after, whichever strategy
it is.

A stage is a function over plain arrays in a file of its own. `candidates` bounds what a strategy sees. The others take
a ranked queue: `order` [n], rows best first, and of each its features, predicted class or whatever they judge by, in
that order. They change the order and never lose a row: what is not worth asking now comes behind all others, and is
asked when nothing else is left. Each says which rows it moved, so that people can be told why.
"""

from dataclasses import dataclass

import numpy as np

from app.core.data import BoolArray, IntArray


@dataclass(frozen=True)
class Reordered:
    """A queue's rows in their new order [n], and of each whether it is where it is because of the stage [n].

    places: where each row was in the order that was given, so that what goes with a row (score, reason) can follow it.
    """

    order: IntArray
    places: IntArray
    moved: BoolArray


def behind(order: IntArray, back: BoolArray) -> Reordered:
    """The rows that are not `back` [n] first, then those that are, each part in its order; these are moved."""
    places = np.concatenate([np.flatnonzero(~back), np.flatnonzero(back)])
    return Reordered(order[places], places, back[places])
