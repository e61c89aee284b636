"""Spans as tags of pieces: B-k begins a span of class k, I-k goes on with it, O is outside of all.

Tag 0 is O, 1 + 2k is B-k, 2 + 2k is I-k. A sequence is legal if each I-k follows B-k or I-k.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.core.cuts import Cuts
from app.core.data import BoolArray, FloatArray, IntArray

Span = tuple[int, int, int]  # start, end (after the last code point), class
LEAST = 1e-12  # a probability of 0 would make every way impossible where a whole item has no other


def tags_of(spans: Sequence[Span], bounds: IntArray) -> IntArray:
    """The tag of each piece [u] that has a code point in a span, rounded outward to whole pieces.

    The longest span first, of equals the one that begins first; a piece belongs to one span only. Of a later span what
    is left of it in one stretch stands, else nothing.
    """
    tags = np.zeros(len(bounds), np.int64)
    for start, end, k in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        touched = np.flatnonzero((bounds[:, 0] < end) & (bounds[:, 1] > start))
        free = touched[tags[touched] == 0]
        if len(free) and free[-1] - free[0] + 1 == len(free):
            tags[free] = 2 + 2 * k
            tags[free[0]] = 1 + 2 * k
    return tags


def spans_of(tags: IntArray, bounds: IntArray) -> list[Span]:
    """The spans of a legal sequence of tags, in order."""
    found = []
    for first in np.flatnonzero(tags % 2 == 1).tolist():
        k = int(tags[first] - 1) // 2
        last = first
        while last + 1 < len(tags) and tags[last + 1] == 2 + 2 * k:
            last += 1
        found.append((int(bounds[first, 0]), int(bounds[last, 1]), k))
    return found


def legal(probabilities: FloatArray, cuts: Cuts) -> tuple[IntArray, FloatArray]:
    """The most probable legal tags [pieces] of each item, and how probable they are among all legal ones [n].

    Viterbi's algorithm (Forney, "The Viterbi algorithm", 1973) over p [pieces, 2K + 1], pieces taken as independent but
    for what is legal: P(tags | legal) = Π p / Σ over legal tags of Π p. All items step by step together. Of equal ones
    the lower tag, so that an even vote is outside.
    """
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST))
    starts, lengths = cuts.offsets[:-1], cuts.lengths
    order = np.argsort(-lengths, kind="stable")
    longest = int(lengths.max(initial=0))
    alive = np.searchsorted(-lengths[order], -np.arange(longest), side="left")  # items longer than t, for each t
    came = np.zeros(len(logs), np.int64)  # from which tag the best way to O and B comes
    went_on = np.zeros((len(logs), (logs.shape[1] - 1) // 2), bool)  # whether the best way to I-k comes from I-k
    best: FloatArray = np.empty(0)
    total: FloatArray = np.empty(0)
    tags, sure = np.zeros(len(logs), np.int64), np.ones(cuts.rows)
    ends: dict[int, tuple[IntArray, IntArray]] = {}
    for t in range(longest):
        n = int(alive[t])
        at = starts[order[:n]] + t
        if t == 0:
            best = logs[at].copy()
            best[:, 2::2] = -np.inf
            total = best.copy()
        else:
            came[at], went_on[at] = best[:n].argmax(axis=1), best[:n, 2::2] > best[:n, 1::2]
            best, total = _step(best[:n], logs[at], np.maximum), _step(total[:n], logs[at], np.logaddexp)
        ended = np.arange(int(alive[t + 1]) if t + 1 < longest else 0, n)
        if len(ended):
            ends[t] = (order[ended], best[ended].argmax(axis=1))
            sure[order[ended]] = np.exp(best[ended].max(axis=1) - np.logaddexp.reduce(total[ended], axis=1))
    return _back(tags, ends, starts, came, went_on), np.minimum(sure, 1)


def _step(before: FloatArray, logs: FloatArray, join: np.ufunc) -> FloatArray:
    """One piece more: into O and B from any tag, into I-k from B-k and I-k."""
    after = np.repeat(join.reduce(before, axis=1)[:, None], before.shape[1], axis=1)
    after[:, 2::2] = join(before[:, 1::2], before[:, 2::2])
    return np.asarray(after + logs)


def _back(
    tags: IntArray, ends: dict[int, tuple[IntArray, IntArray]], starts: IntArray, came: IntArray, went_on: BoolArray
) -> IntArray:
    """The tags of the best ways, from the last piece to the first, again all items together."""
    items: npt.NDArray[np.int64] = np.empty(0, np.int64)
    now: npt.NDArray[np.int64] = np.empty(0, np.int64)
    for t in range(max(ends, default=-1), -1, -1):
        ended, last = ends.get(t, (items[:0], now[:0]))
        items, now = np.concatenate([items, ended]), np.concatenate([now, last])
        at = starts[items] + t
        tags[at] = now
        inside = (now > 0) & (now % 2 == 0)
        k = np.maximum(now - 1, 0) // 2
        now = np.where(inside, np.where(went_on[at, k], now, now - 1), came[at])
    return tags
