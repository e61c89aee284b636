"""A round's arrays by their names: the model, what it says of every item, and what was measured.

No name is written twice. What is new is pointed at in the transaction that publishes it (`Round.measured_as`,
`Project.checkpoint`): whoever is killed between the two, or comes late, changes nothing that is in use.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app import store
from app.core.data import IntArray
from app.models import Project, Round

if TYPE_CHECKING:
    from app.core.round import MeasureOutput, RoundOutput

KEPT_SECONDS = 3600.0  # of what is pointed at no more: who read the pointer a moment ago still finds the file


def save(project_id: int, round_id: int, output: "RoundOutput") -> str | None:
    """Put a round's arrays on disk, before anything speaks of them; the name of its checkpoint, if it has one."""
    folder = store.round_folder(project_id, round_id)
    store.save_arrays(folder / "model.npz", **output.state)
    if output.is_measured and output.state:
        store.save_arrays(folder / "measured.npz", **output.state)
    if output.probabilities is not None:
        with store.writing(folder / "probabilities.npy") as file:
            np.save(file, output.probabilities)
    return _save_checkpoint(project_id, output.checkpoint, store.new_name())


def save_measured(project_id: int, round_id: int, output: "MeasureOutput") -> tuple[str, str | None]:
    """Put what was measured beside what the round said: the fold models, and the pool's scores with the labelled rows
    out of fold. The name under which they lie, and that of a checkpoint, if there is one.
    """
    folder, name = store.round_folder(project_id, round_id), store.new_name()
    store.save_arrays(folder / _named("measured.npz", name), **output.state)
    with store.writing(folder / _named("probabilities.npy", name)) as file:
        np.save(file, output.probabilities)
    return name, _save_checkpoint(project_id, output.checkpoint, name)


def _named(file: str, name: str | None) -> str:
    """A file of this name; without one that of a round that measured on its way, or before there were names."""
    stem, dot, suffix = file.partition(".")
    return f"{stem}-{name}{dot}{suffix}" if name else file


def model(made: Round) -> dict[str, Any] | None:
    """The state of the learner that a round fitted; None where its arrays are deleted."""
    return _arrays(made, "model.npz")


def measured_model(made: Round) -> dict[str, Any] | None:
    """The state of the learner that was measured with its folds; None where its arrays are deleted."""
    return _arrays(made, _named("measured.npz", made.measured_as))


def _arrays(made: Round, name: str) -> dict[str, Any] | None:
    try:
        return store.read_arrays(store.round_folder(made.project_id, made.id) / name)
    except FileNotFoundError:
        return None


def probabilities(made: Round) -> Any:
    """What a round's model says of every item, float16 [pieces, outputs], mapped; None where it kept nothing."""
    path = store.round_folder(made.project_id, made.id) / _named("probabilities.npy", made.measured_as)
    try:
        return np.load(store.local(path), mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None


def _checkpoint(project_id: int, name: str | None) -> Path:
    return store.project_folder(project_id) / _named("checkpoint.npz", name)


def _save_checkpoint(project_id: int, checkpoint: tuple[int, IntArray] | None, name: str) -> str | None:
    if checkpoint is None:
        return None
    store.save_arrays(_checkpoint(project_id, name), labels=checkpoint[0], predictions=checkpoint[1])
    return name


def read_checkpoint(project: Project) -> tuple[int, IntArray] | None:
    """What successive models are compared with: labels, and predictions of fixed rows; None before there is any."""
    try:
        arrays = store.read_arrays(_checkpoint(project.id, project.checkpoint))
    except FileNotFoundError:
        return None
    return int(arrays["labels"]), arrays["predictions"]


def forget_checkpoints(project_id: int, in_use: str, now: datetime) -> None:
    """Delete those that are pointed at no more, or never were; a round's other arrays go with its folder."""
    folder, old = store.project_folder(project_id), now.timestamp() - KEPT_SECONDS
    for name in store.names_in(folder):
        is_one = name.startswith("checkpoint") and name != _checkpoint(project_id, in_use).name
        if is_one and store.is_older(folder / name, old):
            store.delete(folder / name)
