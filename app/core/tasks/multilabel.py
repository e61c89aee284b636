"""The task `multilabel`: any number of classes may be right, none too."""

import re
from typing import Any, ClassVar

import numpy as np

from app.core.cuts import NOWHERE
from app.core.data import FloatArray, IntArray
from app.core.tasks import InvalidAnswer, Task, class_name, only_key


class Multilabel(Task):
    """Several classes: each applies or not. An answer is {"classes": [names]}; an empty list says that none
    does.
    """

    title: ClassVar[str] = "Several classes"
    widget: ClassVar[str] = "multilabel"
    exclusive: ClassVar[bool] = False
    answers_as: ClassVar[str] = "strings"

    def encode(self, content: dict[str, Any], answer: Any, bounds: IntArray = NOWHERE) -> IntArray:  # noqa: ARG002
        """0 or 1 for each class."""
        named = only_key(answer, "classes")
        if not isinstance(named, list | tuple):
            raise InvalidAnswer("“classes” is a list of class names.")
        outcomes = np.zeros(len(self.classes), np.int64)
        outcomes[[self.index(name) for name in named]] = 1
        return outcomes

    def decode(self, probabilities: FloatArray, bounds: IntArray = NOWHERE) -> dict[str, Any]:  # noqa: ARG002
        """The classes with p > ½, in the project's order; an even vote says no."""
        return {"classes": [name for name, p in zip(self.classes, probabilities, strict=True) if p > 0.5]}

    def confidence(self, probabilities: FloatArray) -> float:
        """∏ max(p_k, 1 − p_k): that every single yes and no is right, were they independent."""
        return float(np.prod(np.maximum(probabilities, 1 - probabilities)))

    def from_form(self, content: dict[str, Any], fields: dict[str, list[str]]) -> Any:
        """The ticked classes."""
        return super().from_form(content, fields) if "answer" in fields else {"classes": fields.get("classes", [])}

    def from_cell(self, label: Any) -> Any:
        """A list of names, or "a|b" or "a;b"."""
        if isinstance(label, str) and label.strip() not in self.classes:
            label = [part for part in re.split(r"[|;]", label) if part.strip()]
        return {"classes": [class_name(one) for one in (label if isinstance(label, list) else [label])]}

    def plain(self, answer: dict[str, Any]) -> Any:
        """The names of the classes."""
        return answer["classes"]

    def example(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A text in its first and its last class."""
        return {"text": "An item."}, {"classes": list(dict.fromkeys([self.classes[0], self.classes[-1]]))}
