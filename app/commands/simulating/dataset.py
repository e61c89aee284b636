"""A data set whose answers are known, wherever it comes from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.data import ArrayFeatures
    from app.core.tasks import Task


@dataclass(frozen=True)
class DataSet:
    """Items with their answers.

    task_json: {"kind", "classes": [{"name"}]}. items: contents as a project stores them. contents: what an encoder
    reads of them. answers: one an item, None where it is out of scope. features: of a project, as they are on disk, and
    seen_by: the name and fingerprint of the encoder that made them. recipe: of a project. said: for people.
    """

    name: str
    modality: str
    task_json: dict[str, Any]
    items: Sequence[dict[str, Any]]
    contents: Sequence[Any]
    answers: Sequence[dict[str, Any] | None]
    features: "ArrayFeatures | None" = None
    seen_by: tuple[str, str] = ("", "")
    recipe: dict[str, Any] = field(default_factory=dict)
    said: Sequence[str] = ()

    @property
    def task(self) -> "Task":
        """The task that encodes the answers."""
        from app.core import tasks

        return tasks.load(self.task_json)

    @property
    def seen_as(self) -> str:
        """What encoders read of the items."""
        from app.core import tasks

        return tasks.seen_as(self.task_json["kind"], self.modality)

    def fingerprint(self) -> str:
        """16 hexadecimal digits of everything that a replay depends on, but the features."""
        digest = hashlib.sha256(json.dumps([self.modality, self.task_json], sort_keys=True).encode())
        for item, answer in zip(self.items, self.answers, strict=True):
            digest.update(json.dumps([item, answer], sort_keys=True, default=str).encode() + b"\n")
        return digest.hexdigest()[:16]
