"""Tasks: the kinds of question. A task turns answers of people into classes of units, and probabilities into
answers.

A task cuts an item into `units` questions with `unit_classes` possible outcomes each; learners, aggregators
and strategies see only those. One class: one unit, C outcomes. Several classes: C units, "no" (0) or "yes"
(1) each.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from app.core import plugins
from app.core.data import FloatArray, IntArray


class InvalidAnswer(ValueError):
    """An answer that this task cannot take; the message is a sentence for people."""


class Task(ABC):
    """One kind of question, with the classes of one project.

    A plug-in states `title` (for people), `widget` (static/widgets/<widget>.js asks it) and `exclusive`
    (exactly one class is right: probabilities of an item sum to 1). K is the number of classes. `reducer` says how an
    item's score comes of its units' scores: "max", or "mean" where an item has many units, as a text has words.
    """

    title: ClassVar[str]
    widget: ClassVar[str]
    exclusive: ClassVar[bool]
    reducer: ClassVar[str] = "max"

    def __init__(self, classes: Sequence[str]) -> None:
        if not classes or len(set(classes)) != len(classes):
            raise ValueError("a task needs classes with distinct names")
        self.classes = tuple(classes)
        self._index = {name: k for k, name in enumerate(self.classes)}

    @property
    def units(self) -> int:
        """Units of an item."""
        return 1 if self.exclusive else len(self.classes)

    @property
    def unit_classes(self) -> int:
        """Possible outcomes of a unit."""
        return len(self.classes) if self.exclusive else 2

    @abstractmethod
    def encode(self, content: dict[str, Any], answer: Any) -> IntArray:
        """The outcome of each unit [units]. Raises InvalidAnswer."""

    @abstractmethod
    def decode(self, probabilities: FloatArray) -> dict[str, Any]:
        """The answer that the probabilities [K] of an item stand for; a tie goes to the lower index."""

    @abstractmethod
    def confidence(self, probabilities: FloatArray) -> float:
        """The probability that `decode(probabilities)` is right as a whole."""

    def confidences(self, probabilities: FloatArray) -> FloatArray:
        """`confidence` of many items [n, K] at once: the most probable class's, or the product over classes."""
        if self.exclusive:
            return np.asarray(probabilities.max(axis=1))
        return np.asarray(np.maximum(probabilities, 1 - probabilities).prod(axis=1))

    def normalise(self, content: dict[str, Any], answer: Any) -> dict[str, Any]:
        """The answer as it is stored: one form for one meaning. Raises InvalidAnswer."""
        return self.decode(self.per_class(self.one_hot(self.encode(content, answer))[None])[0])

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
    """The task of a project: {"kind": …, "classes": [{"name": …}, …]}. Raises UnknownPlugin."""
    task = plugins.load("tasks", task_json["kind"], Task)
    return task([one["name"] for one in task_json["classes"]])


def only_key(answer: Any, key: str) -> Any:
    """The value of an answer that must be {key: value} and nothing else. Raises InvalidAnswer."""
    if not isinstance(answer, dict) or key not in answer:
        raise InvalidAnswer(f"An answer has the form {{“{key}”: …}}.")
    unknown = sorted(str(name)[:50] for name in answer if name != key)
    if unknown:
        raise InvalidAnswer(f"An answer has only “{key}”, not {', '.join(unknown)}.")
    return answer[key]
