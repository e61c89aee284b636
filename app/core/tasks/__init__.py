"""Tasks: the kinds of question. A task turns answers of people into classes of units, and probabilities into
answers.

A task cuts an item into pieces (the whole item, or each of its words) and asks `units` questions of a piece, with
`unit_classes` possible outcomes each; learners, aggregators and strategies see only those. One class: one unit, C
outcomes. Several classes: C units, "no" (0) or "yes" (1) each. Spans: one unit for each word, whose outcomes are tags.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import orjson

from app.core import evaluation, plugins
from app.core.cuts import NOWHERE, Cuts
from app.core.data import BoolArray, FloatArray, IntArray


class InvalidAnswer(ValueError):
    """An answer that this task cannot take; the message is a sentence for people."""


class Task(ABC):
    """One kind of question, with the classes of one project.

    A plug-in states `title` (for people), `widget` (static/widgets/<widget>.js asks it) and `exclusive` (exactly one
    outcome of a piece is right: its probabilities sum to 1). K is the number of classes. `reducer` says how an item's
    score comes of its units' scores: "max", or "mean" where an item has many units, as a text has words. `pieces`: what
    items are cut into, "" or "words"; encoders of that read them. `modalities`: the items it can be asked of. `fewest`:
    classes that it needs. `answers_as`: how a table shows an answer, as a "string", "strings" or "json". `measure`:
    the figure by which models are compared. Its dataclass-like fields are settings.
    """

    title: ClassVar[str]
    widget: ClassVar[str]
    exclusive: ClassVar[bool]
    reducer: ClassVar[str] = "max"
    pieces: ClassVar[str] = ""
    modalities: ClassVar[tuple[str, ...]] = ("text", "image", "table")
    fewest: ClassVar[int] = 2
    answers_as: ClassVar[str] = "string"
    measure: ClassVar[str] = "accuracy"

    def __init__(self, classes: Sequence[str]) -> None:
        if not classes or len(set(classes)) != len(classes):
            raise ValueError("a task needs classes with distinct names")
        self.classes = tuple(classes)
        self._index = {name: k for k, name in enumerate(self.classes)}

    @property
    def outputs(self) -> int:
        """What a model says of a piece: so many probabilities."""
        return len(self.classes)

    @property
    def units(self) -> int:
        """Units of a piece."""
        return 1 if self.exclusive else len(self.classes)

    @property
    def unit_classes(self) -> int:
        """Possible outcomes of a unit."""
        return self.outputs if self.exclusive else 2

    @abstractmethod
    def encode(self, content: dict[str, Any], answer: Any, bounds: IntArray = NOWHERE) -> IntArray:
        """The outcome of each unit of each piece [p · units]; bounds [p, 2]: the pieces of an item that is cut.

        Of content that is not at hand ({}) only the answer's form is checked. Raises InvalidAnswer.
        """

    @abstractmethod
    def decode(self, probabilities: FloatArray, bounds: IntArray = NOWHERE) -> dict[str, Any]:
        """The answer that the probabilities of an item stand for: [outputs] of a whole one, [p, outputs] of one that
        is cut; a tie goes to the lower index.
        """

    @abstractmethod
    def confidence(self, probabilities: FloatArray) -> float:
        """The probability that `decode(probabilities)` is right as a whole."""

    def confidences(self, probabilities: FloatArray, cuts: Cuts) -> FloatArray:  # noqa: ARG002 - whole items
        """`confidence` of many items [n] at once: the most probable class's, or the product over classes."""
        if self.exclusive:
            return np.asarray(probabilities.max(axis=1))
        return np.asarray(np.maximum(probabilities, 1 - probabilities).prod(axis=1))

    def members(self, probabilities: FloatArray, cuts: Cuts) -> BoolArray:  # noqa: ARG002 - whole items
        """Which outputs [pieces, outputs] `decode` would name: the first most probable one, or each above ½."""
        if not self.exclusive or not len(probabilities):
            return np.asarray(probabilities > 0.5)
        return np.asarray(probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1]))

    def opinions(self, probabilities: FloatArray, cuts: Cuts) -> list[tuple[dict[str, Any], float]]:  # noqa: ARG002
        """`decode` and `confidence` of many items at once."""
        return [(self.decode(one), self.confidence(one)) for one in probabilities]

    def details(self, probabilities: FloatArray) -> list[dict[str, Any]]:
        """What a suggestion tells beside answer and confidence, of items that are not cut [n, K]."""
        return [{} for _ in probabilities]

    def undecided(self, probabilities: FloatArray, cuts: Cuts) -> list[tuple[str, ...]]:  # noqa: ARG002 - whole items
        """Between which classes the model is undecided about each item: see Strategy.reason."""
        if self.exclusive:
            order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
        else:
            order = np.abs(probabilities - 0.5).argmin(axis=1)[:, None]
        return [tuple(self.classes[k] for k in row) for row in order]

    def counts(self, members: BoolArray) -> IntArray:
        """How often each class [K] was answered, from members [pieces, outputs]."""
        return np.asarray(members.sum(axis=0))

    def by_class(self, values: FloatArray, cuts: Cuts) -> FloatArray:  # noqa: ARG002 - whole items
        """How much of each class [n, K] is in each item, from probabilities or targets [pieces, outputs]."""
        return values

    def votes(self, answers: Sequence[dict[str, Any]]) -> tuple[IntArray, IntArray]:
        """Several answers to one item as outcomes [answers, p · units] of common pieces, and where these are: such
        that nothing of an answer is lost where all say the same.
        """
        return NOWHERE, np.stack([self.encode({}, answer) for answer in answers])

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two answers to one item say the same. Raises InvalidAnswer where one of them fits no more."""
        _, outcomes = self.votes([one, other])
        return bool((outcomes[0] == outcomes[1]).all())

    def measures(self, predicted: BoolArray, truth: BoolArray, cuts: Cuts) -> dict[str, Any]:  # noqa: ARG002
        """What is measured of predictions beside accuracy, from members [pieces, outputs]; `macro_f1` is among it."""
        return {"macro_f1": evaluation.macro_f1(predicted, truth)}

    def macro_f1_interval(
        self,
        predicted: BoolArray,
        truth: BoolArray,
        cuts: Cuts,  # noqa: ARG002 - whole items
        rng: np.random.Generator,
    ) -> tuple[float, float] | None:
        """The interval of `measures`' macro_f1; None where it cannot be told."""
        return evaluation.macro_f1_interval(predicted, truth, rng)

    def normalise(self, content: dict[str, Any], answer: Any) -> dict[str, Any]:
        """The answer as it is stored: one form for one meaning. Raises InvalidAnswer."""
        return self.decode(self.per_class(self.one_hot(self.encode(content, answer))[None])[0])

    def fits(self, answer: Any) -> bool:
        """Whether a stored answer still fits: one to a class that was removed later does not."""
        try:
            self.encode({}, answer)
        except InvalidAnswer:
            return False
        return True

    def from_form(self, content: dict[str, Any], fields: dict[str, list[str]]) -> Any:  # noqa: ARG002 - most need none
        """What a plain form sent, as an answer that `normalise` checks: JSON in its field `answer`."""
        try:
            return orjson.loads("".join(fields.get("answer", [])))  # deep nesting is an error there, and no crash
        except ValueError as error:
            raise InvalidAnswer("The answer is not JSON.") from error

    @abstractmethod
    def from_cell(self, label: Any) -> Any:
        """What a table's cell says, as an answer that `normalise` checks."""

    @abstractmethod
    def plain(self, answer: dict[str, Any]) -> Any:
        """An answer as a table's cell shows it."""

    def names(self, answer: dict[str, Any]) -> list[str]:
        """The classes that an answer names."""
        found = self.plain(answer)
        return found if isinstance(found, list) else [found]

    @abstractmethod
    def example(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A content and an answer to it, for the documentation and the conformance tests."""

    def index(self, name: Any) -> int:
        """The index of a class. Raises InvalidAnswer with the classes there are."""
        if not isinstance(name, str):
            raise InvalidAnswer("A class is named by its text.")
        if name not in self._index:
            known = ", ".join(self.classes[:20]) + (", …" if len(self.classes) > 20 else "")
            raise InvalidAnswer(f"There is no class “{name[:100]}”; the classes are {known}.")
        return self._index[name]

    def one_hot(self, outcomes: IntArray) -> FloatArray:
        """Outcomes [units] as certain probabilities [units, unit_classes]."""
        return np.eye(self.unit_classes, dtype=np.float32)[outcomes]

    def per_class(self, units: FloatArray) -> FloatArray:
        """Unit probabilities [n, units, unit_classes] as class probabilities [n, K]."""
        taken: FloatArray = units[:, 0, :] if self.exclusive else units[:, :, 1]
        return taken

    def per_unit(self, probabilities: FloatArray) -> FloatArray:
        """Class probabilities [n, K] as unit probabilities [n × units, unit_classes], item by item."""
        if self.exclusive:
            return probabilities
        yes = probabilities.reshape(-1)
        return np.stack([1 - yes, yes], axis=1)


def load(task_json: dict[str, Any]) -> Task:
    """The task of a project: {"kind": …, "classes": [{"name": …}, …], setting: …}. Raises UnknownPlugin."""
    settings = {key: value for key, value in task_json.items() if key not in ("kind", "classes")}
    checked = plugins.check("tasks", {"name": task_json["kind"], **settings})
    task = plugins.load("tasks", checked.pop("name"), Task)
    return task([one["name"] for one in task_json["classes"]], **checked)


def essence(task_json: dict[str, Any]) -> dict[str, Any]:
    """What of a project's task means something to learning: no colours, keys, descriptions."""
    return {**task_json, "classes": [{"name": one["name"]} for one in task_json["classes"]]}


def seen_as(kind: str, modality: str) -> str:
    """What encoders read of a project's items: its modality, or the pieces that its task cuts them into."""
    return str(plugins.describe_one("tasks", kind).facts.get("pieces") or modality)


def class_name(label: Any) -> Any:
    """What a cell holds as the name of a class."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label).strip() if isinstance(label, str | int) else label


def only_key(answer: Any, key: str) -> Any:
    """The value of an answer that must be {key: value} and nothing else. Raises InvalidAnswer."""
    if not isinstance(answer, dict) or key not in answer:
        raise InvalidAnswer(f"An answer has the form {{“{key}”: …}}.")
    unknown = sorted(str(name)[:50] for name in answer if name != key)
    if unknown:
        raise InvalidAnswer(f"An answer has only “{key}”, not {', '.join(unknown)}.")
    return answer[key]
