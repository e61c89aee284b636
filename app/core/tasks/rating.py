"""The task `rating`: how much, on a scale whose steps are the classes, lowest first."""

from typing import Any, ClassVar

import numpy as np

from app.core.cuts import NOWHERE, Cuts
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.tasks import InvalidAnswer, Task, class_name, only_key


class Rating(Task):
    """A rating: one step of a scale, as 0 to 5. An answer is {"rating": step}, a number where the steps are numbers.

    The model learns the steps as classes; how far off it is, in steps, is measured beside its accuracy.
    """

    title: ClassVar[str] = "Rating"
    widget: ClassVar[str] = "rating"
    exclusive: ClassVar[bool] = True

    def encode(self, content: dict[str, Any], answer: Any, bounds: IntArray = NOWHERE) -> IntArray:  # noqa: ARG002
        """The place of the step in the scale, as the one unit's outcome."""
        said = only_key(answer, "rating")
        if isinstance(said, bool) or not isinstance(said, int | str):
            raise InvalidAnswer("A rating is a step of the scale.")
        return np.array([self.index(str(said))])

    def decode(self, probabilities: FloatArray, bounds: IntArray = NOWHERE) -> dict[str, Any]:  # noqa: ARG002
        """The most probable step."""
        return {"rating": _told(self.classes[int(np.argmax(probabilities))])}

    def confidence(self, probabilities: FloatArray) -> float:
        """max_k p_k."""
        return float(np.max(probabilities))

    def details(self, probabilities: FloatArray) -> list[dict[str, Any]]:
        """`probabilities` of the steps in their order; `expected`, Σ k·p_k, where the steps k are numbers."""
        p = np.asarray(probabilities, np.float64)
        p = p / p.sum(axis=1, keepdims=True)  # scores are kept in half precision
        told = p.round(4).tolist()
        steps = [_told(name) for name in self.classes]
        if not all(isinstance(step, int) for step in steps):
            return [{"probabilities": one} for one in told]  # between “poor” and “good” there is no mean
        means = (p @ np.array(steps, np.float64)).round(4).tolist()
        return [{"expected": mean, "probabilities": one} for mean, one in zip(means, told, strict=True)]

    def measures(self, predicted: BoolArray, truth: BoolArray, cuts: Cuts) -> dict[str, Any]:
        """Beside macro-F1, how many steps the model is off on average."""
        off = np.abs(predicted.argmax(axis=1) - truth.argmax(axis=1))
        return {
            **super().measures(predicted, truth, cuts),
            "mean_absolute_error": float(off.mean()) if len(off) else None,
        }

    def from_cell(self, label: Any) -> Any:
        """A step, also as 3.0, as spreadsheets write it."""
        is_whole = isinstance(label, float) and label.is_integer()
        return {"rating": _told(class_name(int(label) if is_whole else label))}

    def plain(self, answer: dict[str, Any]) -> Any:
        """The step as text, as a class is."""
        return str(answer["rating"])

    def example(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A text with the lowest step."""
        return {"text": "An item."}, {"rating": _told(self.classes[0])}


def _told(step: Any) -> Any:
    """A step as answers say it: a number where it is one, and says so in one way only."""
    return int(step) if isinstance(step, str) and step.isdecimal() and str(int(step)) == step else step
