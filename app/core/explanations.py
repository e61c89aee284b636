"""Explanations: which words, columns or regions of an item moved the model to what it suggests."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.core import occlusion
from app.core.cuts import Cuts
from app.core.data import FloatArray, IntArray
from app.core.encoders import Encoder
from app.core.learners import Learner
from app.core.parts import Mark
from app.core.tasks import Task

MOST = 40  # words or columns that are told, the strongest
SURE = 1e-7  # as near as a probability in single precision comes to 1
SMALLEST = 1e-37  # and to 0
Explanation = dict[str, Any]


def explain(
    task: Task, encoder: Encoder, learned: dict[str, Any], learner: Learner, seen: Any, answer: dict[str, Any]
) -> Explanation:
    """What of an item, as the encoder reads it, moved the model to this answer.

    {"method", "classes": those that the answer names} and one of "words": [[start, end, weight], …] in code points,
    "columns": [[name, weight], …], both the strongest first, or "map": {"rows", "columns", "values"}, row by row,
    −100 … 100, the strongest place ±100. Weights are in the log-odds of the answer; of several classes their sum. The
    method is

    - "exact": features that are a sum of parts (see Encoder.parts) under a linear head: a part's vector times the
      weights. The weights of all parts, the rest and the bias add up to the class's logit, less the classes' mean;
    - "eigen_cam": the regions a convolutional network looks at, whatever the answer; see app/core/eigencam.py;
    - "occlusion": for everything else, what taking a part away costs; see app/core/occlusion.py;
    - "none": the answer names no class, or there is nothing to read.
    """
    named = [task.index(str(name)) for name in dict.fromkeys(task.names(answer))]
    told: Explanation = {"method": "none", "classes": [task.classes[k] for k in named]}
    if not named:
        return told
    if task.pieces:
        return told | _of_spans(task, encoder, learned, learner, seen, answer)
    weights = _linear(learner, named)
    parts = None if weights is None else encoder.parts(seen, learned)
    if parts is not None and weights is not None:
        effect = np.asarray(parts.vectors @ weights, np.float64)
        if parts.grid is not None:
            return told | {"method": "exact", "map": _map(effect.reshape(parts.grid))}
        return told | _strongest("exact", parts.marks, effect)
    regions = encoder.regions(seen)
    if regions is not None:
        return told | {"method": "eigen_cam", "map": _map(regions)}

    def scored(contents: Sequence[Any]) -> FloatArray:
        return np.asarray(_log_odds(task, learner, encoder.encode(contents, learned))[:, named].sum(axis=1))

    if encoder.modality == "image":
        return told | {"method": "occlusion", "map": _map(occlusion.of_picture(seen, scored))}
    of = occlusion.of_text if encoder.modality == "text" else occlusion.of_columns
    return told | _strongest("occlusion", *of(seen, scored))


def _linear(learner: Learner, named: Sequence[int]) -> FloatArray | None:
    """The weights [d] of these classes' logits together, of a learner that is linear in the features."""
    head = learner.head() if type(learner).embed is Learner.embed else None
    return None if head is None else np.asarray(head[:-1, named].sum(axis=1))


def _of_spans(
    task: Task, encoder: Encoder, learned: dict[str, Any], learner: Learner, seen: Any, answer: dict[str, Any]
) -> Explanation:
    """Of spans: the words around that make the words inside be of their class."""
    text, bounds = seen
    inside, classes = _inside(task, bounds, answer)
    if not len(inside):
        return {}
    first = max(0, int(inside.min()) - occlusion.MOST // 4)
    kept = inside < first + occlusion.MOST
    inside, classes = inside[kept], classes[kept]

    def scored(contents: Sequence[Any]) -> FloatArray:
        of_words = _log_odds(task, learner, encoder.encode(contents, learned))
        of_texts = of_words.reshape(len(contents), -1, len(task.classes))
        return np.asarray(of_texts[:, inside - first, classes].mean(axis=1))

    return _strongest("occlusion", *occlusion.of_words(text, bounds, inside, scored))


def _inside(task: Task, bounds: IntArray, answer: dict[str, Any]) -> tuple[IntArray, IntArray]:
    """The words [n] that an answer's spans hold, and the class of each."""
    held = {
        word: task.index(span["class"])
        for span in answer["spans"]
        for word in np.flatnonzero((bounds[:, 0] < span["end"]) & (bounds[:, 1] > span["start"])).tolist()
    }
    return np.array(sorted(held), np.int64), np.array([held[word] for word in sorted(held)], np.int64)


def _log_odds(task: Task, learner: Learner, X: FloatArray) -> FloatArray:
    """The log-odds [n, K] of each class of rows X [n, d], whole items or pieces: from logits where the learner has a last
    layer. Its probabilities are 1 from a logit of 17 on, and whatever is taken away from an item would seem to cost a sure
    model nothing.
    """
    layer = learner.head()
    if layer is not None:
        z = np.asarray(learner.embed(X), np.float64) @ layer[:-1] + layer[-1]
    else:
        p = np.asarray(learner.predict(X), np.float64)
        z = np.log(np.maximum(p, SMALLEST)) - (0.0 if task.exclusive else np.log(np.maximum(1 - p, SURE)))
    if not task.exclusive:
        return np.asarray(z)
    # A class may be several outcomes, as the beginning and the inside of a span are.
    one_each = Cuts.of_items([np.array([[k, k + 1]]) for k in range(task.outputs)])
    members = task.by_class(np.eye(task.outputs, dtype=np.float32), one_each).T > 0
    return np.stack([_sum(z[:, mine]) - _sum(z[:, ~mine]) for mine in members], axis=1)


def _sum(z: FloatArray) -> FloatArray:
    """log Σ e^z over a row's outcomes; of none the log of next to nothing."""
    return np.asarray(np.logaddexp.reduce(z, axis=1, initial=np.log(SMALLEST)))


def _strongest(method: str, marks: Sequence[Mark], effect: FloatArray) -> Explanation:
    order = np.argsort(-np.abs(effect), kind="stable")[:MOST].tolist()
    found = [(marks[place], round(float(effect[place]), 4)) for place in order if abs(effect[place]) >= 5e-5]
    if all(isinstance(mark, str) for mark in marks) and marks:
        return {"method": method, "columns": [[mark, weight] for mark, weight in found]}
    return {"method": method, "words": [[*mark, weight] for mark, weight in found]}


def _map(values: FloatArray) -> dict[str, Any]:
    highest = float(np.abs(values).max(initial=0.0)) or 1.0
    rows, columns = values.shape
    return {"rows": rows, "columns": columns, "values": np.rint(100 * values / highest).astype(int).ravel().tolist()}
