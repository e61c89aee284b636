"""The task `multilabel`: any number of classes may be right, none too."""

from typing import Any, ClassVar

import numpy as np

from app.core.data import FloatArray, IntArray
from app.core.tasks import InvalidAnswer, Task, only_key


class Multilabel(Task):
    """Several classes: each applies or not. An answer is {"classes": [names]}; an empty list says that none
    does.
    """

    title: ClassVar[str] = "Several classes"
    widget: ClassVar[str] = "multilabel"
    exclusive: ClassVar[bool] = False

    def encode(self, content: dict[str, Any], answer: Any) -> IntArray:  # noqa: ARG002 - any content will do
        """0 or 1 for each class."""
        named = only_key(answer, "classes")
        if not isinstance(named, list | tuple):
            raise InvalidAnswer("“classes” is a list of class names.")
        outcomes = np.zeros(len(self.classes), np.int64)
        outcomes[[self.index(name) for name in named]] = 1
        return outcomes

    def decode(self, probabilities: FloatArray) -> dict[str, Any]:
        """The classes with p > ½, in the project's order; an even vote says no."""
        return {"classes": [name for name, p in zip(self.classes, probabilities, strict=True) if p > 0.5]}

    def confidence(self, probabilities: FloatArray) -> float:
        """∏ max(p_k, 1 − p_k): that every single yes and no is right, were they independent."""
        return float(np.prod(np.maximum(probabilities, 1 - probabilities)))

    def example(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A text in its first and its last class."""
        return {"text": "An item."}, {"classes": list(dict.fromkeys([self.classes[0], self.classes[-1]]))}
