"""Accuracy by the order of time: each label judged by the prediction that was made before it was given."""

from collections.abc import Sequence

from app.core.evaluation.intervals import wilson

WINDOW = 50  # labels; fewer swing too much, more hide how the model has grown
LEAST = 10


def prequential(
    judged: Sequence[tuple[int, int, int]], window: int = WINDOW, level: float = 0.95
) -> list[tuple[int, float, float, float, int]]:
    """(labels, share right, low, high, n) after each step, over the newest n ≥ window labels judged until then.

    judged: (labels in all, labels judged, right among them) of each step, oldest first; a window that is not filled yet
    is shown from 10 labels on. On labels drawn at random this is, without bias, the accuracy on items not answered yet,
    averaged over the window's time; on labels that a queue chose it is lower than accuracy is, for those are hard.
    Dawid, "Present position and potential developments: the prequential approach", JRSS A 1984.
    """
    points = []
    newest: list[tuple[int, int]] = []
    for labels, n, right in judged:
        if n == 0:
            continue
        newest.append((n, right))
        while sum(each for each, _ in newest[1:]) >= window:
            newest.pop(0)
        total, hits = sum(each for each, _ in newest), sum(each for _, each in newest)
        if total >= LEAST:
            points.append((labels, hits / total, *wilson(hits, total, level), total))
    return points
