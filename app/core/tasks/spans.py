"""The task `spans`: stretches of a text, each of a class."""

from collections.abc import Sequence
from dataclasses import field
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import orjson

from app.core import words
from app.core.cuts import NOWHERE, Cuts
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.evaluation import entities
from app.core.strategies.margin import uncertainty
from app.core.tasks import InvalidAnswer, Task, only_key
from app.core.tasks._bio import Span, legal, spans_of, tags_of
from app.core.tasks._span_forms import as_span, of_lines

OUTSIDE = "no span"


class Spans(Task):
    """Spans of a text: words that are marked, each with a class: names, places, dates.

    An answer is {"spans": [{"start", "end", "class"}]}, in code points, end after the last; no span is an answer too.

    For learning each word is a piece whose outcomes are the tags O, B-k and I-k; a span that begins or ends inside of a
    word stays as it is as an answer, and is rounded outward to whole words only to be learned from. Where spans may
    overlap, the longest are learned from first, and of a later one what is left of it.
    """

    title: ClassVar[str] = "Spans of text"
    widget: ClassVar[str] = "spans"
    exclusive: ClassVar[bool] = True
    reducer: ClassVar[str] = "mean"
    pieces: ClassVar[str] = "words"
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    fewest: ClassVar[int] = 1
    answers_as: ClassVar[str] = "json"
    measure: ClassVar[str] = "entity_f1"

    overlap: bool = field(default=False, metadata={"help": "Spans may overlap"})

    def __init__(self, classes: Sequence[str], overlap: bool = False) -> None:
        super().__init__(classes)
        self.overlap = overlap

    @property
    def outputs(self) -> int:
        """Tags: 2K + 1."""
        return 2 * len(self.classes) + 1

    def encode(self, content: dict[str, Any], answer: Any, bounds: IntArray = NOWHERE) -> IntArray:
        """The tag of each piece [p]; without bounds of the words of the content, where that is at hand."""
        found = self._read(content, answer)
        if not len(bounds) and "text" in content:
            bounds = words.cut(content["text"])
        return tags_of(found, bounds)

    def decode(self, probabilities: FloatArray, bounds: IntArray = NOWHERE) -> dict[str, Any]:
        """The spans of the most probable legal tags."""
        return self.opinions(probabilities, Cuts.of_items([bounds]))[0][0]

    def confidence(self, probabilities: FloatArray) -> float:
        """How probable its tags are among all legal ones."""
        return float(legal(probabilities, _one(len(probabilities)))[1][0])

    def confidences(self, probabilities: FloatArray, cuts: Cuts) -> FloatArray:
        """The same of many items."""
        return legal(probabilities, cuts)[1]

    def members(self, probabilities: FloatArray, cuts: Cuts) -> BoolArray:
        """The most probable legal tags, as [pieces, 2K + 1]."""
        return np.asarray(legal(probabilities, cuts)[0][:, None] == np.arange(self.outputs))

    def opinions(self, probabilities: FloatArray, cuts: Cuts) -> list[tuple[dict[str, Any], float]]:
        """The spans and the confidence of each item."""
        tags, sure = legal(probabilities, cuts)
        parts = [cuts.part(row) for row in range(cuts.rows)]
        found = [self._answer(spans_of(tags[part], cuts.bounds[part])) for part in parts]
        return list(zip(found, sure.tolist(), strict=True))

    def undecided(self, probabilities: FloatArray, cuts: Cuts) -> list[tuple[str, ...]]:
        """Of each item the two most probable classes, or none, of its most doubtful word."""
        by_class = np.concatenate([probabilities[:, :1], probabilities[:, 1::2] + probabilities[:, 2::2]], axis=1)
        doubt = uncertainty(by_class)
        names = (OUTSIDE, *self.classes)
        found: list[tuple[str, ...]] = []
        for row in range(cuts.rows):
            part = cuts.part(row)
            if part.start == part.stop:
                found.append(())
                continue
            word = by_class[part.start + int(doubt[part].argmax())]
            found.append(tuple(names[k] for k in np.argsort(-word, kind="stable")[:2]))
        return found

    def counts(self, members: BoolArray) -> IntArray:
        """Spans of each class."""
        return np.asarray(members[:, 1::2].sum(axis=0))

    def by_class(self, values: FloatArray, cuts: Cuts) -> FloatArray:
        """The highest over an item's words, of either tag of a class together."""
        words_of = values[:, 1::2] + values[:, 2::2]
        return np.stack([cuts.highest(column) for column in words_of.T], axis=1)

    def votes(self, answers: Sequence[dict[str, Any]]) -> tuple[IntArray, IntArray]:
        """Where spans may not overlap, the text is cut wherever an answer begins or ends a span, and each stretch is
        voted on; where they may, each span that somebody marked is a piece, and stands if most marked exactly it.
        """
        read = [self._read({}, answer) for answer in answers]
        if self.overlap:
            claimed = sorted({span for spans in read for span in spans})
            outcomes = np.array([[(span in spans) * (1 + 2 * span[2]) for span in claimed] for spans in read], np.int64)
            return np.array([span[:2] for span in claimed], np.int64).reshape(-1, 2), outcomes
        borders = sorted({place for spans in read for span in spans for place in span[:2]})
        bounds = np.array(list(pairwise(borders)), np.int64).reshape(-1, 2)
        return bounds, np.stack([tags_of(spans, bounds) for spans in read])

    def measures(self, predicted: BoolArray, truth: BoolArray, cuts: Cuts) -> dict[str, Any]:
        """Entity-level F1 of exact matches over all spans, with its interval, and of each class on average; and the
        share of words whose tag is right.
        """
        counts = self._tallies(predicted, truth, cuts)
        right = (predicted == truth).all(axis=1)
        return {
            "macro_f1": entities.macro_f1(counts),
            "entity_f1": entities.micro_f1(counts, np.random.default_rng(0)),  # equal data, equal interval
            "token_accuracy": float(right.mean()) if len(right) else None,
        }

    def macro_f1_interval(
        self, predicted: BoolArray, truth: BoolArray, cuts: Cuts, rng: np.random.Generator
    ) -> tuple[float, float] | None:
        """Its interval over items."""
        return entities.macro_f1_interval(self._tallies(predicted, truth, cuts), rng)

    def _tallies(self, predicted: BoolArray, truth: BoolArray, cuts: Cuts) -> IntArray:
        # The pieces' own numbers stand for places; a piece between two items ends every span there.
        at = np.arange(cuts.pieces)
        bounds = np.stack([at, at + 1], axis=1)
        found = []
        for members in (predicted, truth):
            tags = members.argmax(axis=1)
            spans = [
                (k, start + part.start, end + part.start)
                for part in (cuts.part(row) for row in np.unique(cuts.owner[tags > 0]).tolist())
                for start, end, k in spans_of(tags[part], bounds[: part.stop - part.start])
            ]
            found.append(set(spans))
        return entities.tallies(found[0], found[1], cuts.owner, cuts.rows, len(self.classes))

    def normalise(self, content: dict[str, Any], answer: Any) -> dict[str, Any]:
        """The spans in the order of the text. Raises InvalidAnswer with the place of what is wrong."""
        return self._answer(self._read(content, answer))

    def from_form(self, content: dict[str, Any], fields: dict[str, list[str]]) -> Any:
        """Lines of “class: words as they stand in the text”, or JSON."""
        if "spans" not in fields:
            return super().from_form(content, fields)
        return {"spans": of_lines(content["text"], "\n".join(fields["spans"]), self.classes)}

    def from_cell(self, label: Any) -> Any:
        """Spans as other programs write them: a list (or JSON of one) of objects, or of [start, end, class]."""
        if isinstance(label, str):
            try:
                label = orjson.loads(label)
            except orjson.JSONDecodeError as error:
                raise InvalidAnswer(f"The label is not JSON: {error.msg}.") from error
        if not isinstance(label, list):
            raise InvalidAnswer("The label is a list of spans.")
        return {"spans": [as_span(one) for one in label]}

    def plain(self, answer: dict[str, Any]) -> Any:
        """The list of spans."""
        return answer["spans"]

    def names(self, answer: dict[str, Any]) -> list[str]:
        """The classes of the spans."""
        return list(dict.fromkeys(one["class"] for one in answer["spans"]))

    def example(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A text with its last word in the first class; its offsets count code points."""
        return {"text": "👩‍🚀 in Kyōto"}, {"spans": [{"start": 7, "end": 12, "class": self.classes[0]}]}

    def _answer(self, spans: Sequence[Span]) -> dict[str, Any]:
        return {"spans": [{"start": start, "end": end, "class": self.classes[k]} for start, end, k in sorted(spans)]}

    def _read(self, content: dict[str, Any], answer: Any) -> list[Span]:
        """The spans of an answer, checked, as they stand there. Raises InvalidAnswer."""
        given = only_key(answer, "spans")
        if not isinstance(given, list | tuple):
            raise InvalidAnswer("“spans” is a list of spans.")
        length = len(content["text"]) if "text" in content else None
        found = [self._span(f"spans[{number}]", one, length) for number, one in enumerate(given)]
        order = sorted(range(len(found)), key=lambda number: found[number])
        for one, other in pairwise(order):
            told = f"“spans[{min(one, other)}]” and “spans[{max(one, other)}]”"
            if found[one] == found[other]:
                raise InvalidAnswer(f"{told} are the same span.")
            if not self.overlap and found[other][0] < found[one][1]:
                raise InvalidAnswer(f"{told} overlap, which this task does not allow.")
        return found

    def _span(self, place: str, one: Any, length: int | None) -> Span:
        if not isinstance(one, dict) or one.keys() != {"start", "end", "class"}:
            raise InvalidAnswer(f"“{place}” must have the form {{“start”: …, “end”: …, “class”: …}}.")
        for name in ("start", "end"):
            if isinstance(one[name], bool) or not isinstance(one[name], int):
                raise InvalidAnswer(f"“{place}.{name}” must be a whole number.")
        start, end = one["start"], one["end"]
        if start < 0:
            raise InvalidAnswer(f"“{place}.start” is {start}; a text begins at 0.")
        if end <= start:
            raise InvalidAnswer(f"“{place}” ends at {end}, where it should be after its start, {start}.")
        limit = words.LONGEST if length is None else length
        if end > limit:
            raise InvalidAnswer(f"“{place}.end” is {end}; the text has {limit} characters (code points).")
        try:
            return start, end, self.index(one["class"])
        except InvalidAnswer as error:
            raise InvalidAnswer(f"“{place}.class”: {error}") from error


def _one(pieces: int) -> Cuts:
    return Cuts(1, np.array([0, pieces]), np.zeros((pieces, 2), np.int64))
