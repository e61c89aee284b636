"""The labelled rows of a round: answers merged into targets, one row an item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core.aggregation import Aggregator, merge_answers
from app.core.cuts import Cuts
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.tasks import Task

# At most this share of the labels is kept from the model that chooses what to ask: the price stays bounded where
# many labels were drawn, as in a burst without a worker.
WITHHELD = 0.2
# The cold start ends after three labels a class, and after so many labels however many classes there are.
LABELS_PER_CLASS, COLD_LABELS = 3, 50


@dataclass(frozen=True)
class Labelled:
    """The labelled rows, sorted; their merged targets and memberships, [pieces, outputs]; answers that fit no more.

    cuts: how the labelled items fall into pieces. pieces: which pieces of all features these are.
    """

    rows: IntArray
    targets: FloatArray
    members: BoolArray
    misfits: int
    cuts: Cuts
    pieces: IntArray

    def some(self, items: IntArray | BoolArray) -> "Labelled":
        """Of these items, given by their place here or a mask, in the order asked for."""
        places: IntArray = np.flatnonzero(items) if items.dtype == bool else np.asarray(items, np.int64)
        at, cuts = self.cuts.of(places), self.cuts.some(places)
        return Labelled(self.rows[places], self.targets[at], self.members[at], self.misfits, cuts, self.pieces[at])

    def of_pieces(self, values: Any) -> Any:
        """Values of the items [n] for each of their pieces."""
        return values if self.cuts.is_whole else np.repeat(values, self.cuts.lengths)

    def right(self, task: Task, probabilities: FloatArray) -> BoolArray:
        """Of which items [n] these probabilities [pieces, outputs] give the answer, whole."""
        predicted = task.members(probabilities, self.cuts)
        return self.cuts.all((predicted == self.members).all(axis=1))


def merge(task: Task, answers: Sequence[tuple[int, int, dict[str, Any]]], cuts: Cuts, by: Aggregator) -> Labelled:
    """Merge (row, annotator, answer) of the rows that are cut so; answers that no longer fit the task (a class was
    removed) are counted.
    """
    known = [answer for answer in answers if answer[0] < cuts.rows]
    fitting = [answer for answer in known if task.fits(answer[2])]
    found = merge_answers(by, task, fitting, cuts)
    mine = cuts.some(found.rows)
    members = task.members(found.probabilities, mine)
    return Labelled(found.rows, found.probabilities, members, len(known) - len(fitting), mine, cuts.of(found.rows))


def acquiring(labelled: Labelled, drawn_rows: IntArray) -> Labelled:
    """What the model that chooses may know: all but the newest of the rows drawn at random, given oldest first.

    Why: an item that was labelled at random would keep the queue from asking its neighbours. Leaving it out to measure
    would then leave a hole that no other item of the pool has, and the accuracy shown would be too low.
    """
    drawn = drawn_rows[np.isin(drawn_rows, labelled.rows)]
    withheld = drawn[max(0, len(drawn) - int(WITHHELD * len(labelled.rows))) :]
    return labelled.some(~np.isin(labelled.rows, withheld))


def is_cold(members: BoolArray, labels: int, classes: int) -> bool:
    """Whether so many labels of so many classes are too few for a model's doubts to mean something.

    They are until two different answers were seen and there are three labels a class, or 50 with many
    classes. Under two or three labels a class, uncertainty is noise, and typical items teach more (TypiClust,
    ICML 2022).
    """
    enough = min(LABELS_PER_CLASS * classes, COLD_LABELS)
    return labels < enough or not learnable(members)


def learnable(members: BoolArray) -> bool:
    """Whether two different answers were seen, so that there is something to tell apart."""
    return len(members) > 1 and bool((members != members[0]).any())
