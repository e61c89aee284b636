"""Spans as others write them: other programs' files, lines of a plain form, the labels of a data set."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app.core.tasks import InvalidAnswer, class_name

# How other programs name the three: spaCy and Prodigy "label", doccano "start_offset" and "end_offset".
ALIASES = {"label": "class", "start_offset": "start", "end_offset": "end"}


def of_lines(text: str, lines: str, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The spans that lines of “class: words as they stand in the text” name; of words that stand there more than once
    each line takes the next place. Raises InvalidAnswer.
    """
    longest_first = sorted(classes, key=len, reverse=True)  # one name may begin another
    found: list[dict[str, Any]] = []
    after: dict[str, int] = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        name = next((each for each in longest_first if line.startswith(f"{each}:")), None)
        said = "" if name is None else line[len(name) + 1 :].strip()
        if not said:
            raise InvalidAnswer(f"“{line[:100]}” has not the form “class: words of the text”.")
        start = text.find(said, after.get(said, 0))
        if start < 0:
            raise InvalidAnswer(f"“{said[:100]}” does not stand in the text, or not so often.")
        after[said] = start + len(said)
        found.append({"start": start, "end": start + len(said), "class": name})
    return found


def as_span(one: Any) -> Any:
    """A span with our names for its parts; what is no span stays as it is, to be refused by its place."""
    if isinstance(one, list | tuple) and len(one) == 3:
        one = dict(zip(("start", "end", "class"), one, strict=True))
    if not isinstance(one, dict):
        return one
    made = {ALIASES.get(name, name): value for name, value in one.items()}
    known = {name: made[name] for name in ("start", "end", "class") if name in made}
    return {**known, "class": class_name(known["class"])} if "class" in known else known


def task_of(labels: Sequence[Any]) -> dict[str, Any] | None:
    """The task of labels as data sets have them: lists of spans; None where one of them is something else."""
    lists = [label for label in labels if isinstance(label, list) and label]
    spans = [[as_span(one) for one in each] for each in lists]
    if not lists or any(not isinstance(one, dict) or len(one) != 3 for each in spans for one in each):
        return None
    classes = sorted({str(one["class"]) for each in spans for one in each})
    ordered = [sorted((one["start"], one["end"]) for one in each) for each in spans]
    overlap = any(after[0] < before[1] for each in ordered for before, after in pairwise(each))
    return {"kind": "spans", "classes": [{"name": name} for name in classes], "overlap": overlap}
