"""The task `pairs`: two things side by side, and what holds between them."""

from typing import Any, ClassVar

from app.core.tasks import Task
from app.core.tasks.classification import Classification


class Pairs(Classification, Task):  # Task by name: plug-ins are listed by reading their source
    """A comparison: which of two is more so, or whether they are the same. An answer is {"class": name}.

    An item is a table's row; its first two columns are the two things. The classes are the possible answers: first and
    second, perhaps equal; or same and different.
    """

    title: ClassVar[str] = "Comparison of two"
    widget: ClassVar[str] = "pairs"
    exclusive: ClassVar[bool] = True
    modalities: ClassVar[tuple[str, ...]] = ("table",)

    def example(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Two words, answered with the first class."""
        return {"columns": {"first": "colour", "second": "color"}}, {"class": self.classes[0]}
