"""The task `classification`: exactly one class is right."""

from typing import Any, ClassVar

import numpy as np

from app.core.cuts import NOWHERE
from app.core.data import FloatArray, IntArray
from app.core.tasks import Task, class_name, only_key


class Classification(Task):
    """One class: every item belongs to exactly one. An answer is {"class": name}."""

    title: ClassVar[str] = "One class"
    widget: ClassVar[str] = "classification"
    exclusive: ClassVar[bool] = True

    def encode(self, content: dict[str, Any], answer: Any, bounds: IntArray = NOWHERE) -> IntArray:  # noqa: ARG002
        """The index of the class, as the one unit's outcome."""
        return np.array([self.index(only_key(answer, "class"))])

    def decode(self, probabilities: FloatArray, bounds: IntArray = NOWHERE) -> dict[str, Any]:  # noqa: ARG002
        """The most probable class."""
        return {"class": self.classes[int(np.argmax(probabilities))]}

    def confidence(self, probabilities: FloatArray) -> float:
        """max_k p_k."""
        return float(np.max(probabilities))

    def from_cell(self, label: Any) -> Any:
        """A class's name."""
        return {"class": class_name(label)}

    def plain(self, answer: dict[str, Any]) -> Any:
        """The class's name."""
        return answer["class"]

    def example(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A text in its first class."""
        return {"text": "An item."}, {"class": self.classes[0]}
