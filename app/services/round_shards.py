"""A round's scoring as files: the models that score, and what they said of each shard."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.orm import Session

from app import store
from app.core import plugins
from app.core.data import BLOCK_ROWS, Features
from app.core.learners import Learner
from app.core.tasks import load as load_task
from app.models import Project, Round
from app.services.round_data import features_of

if TYPE_CHECKING:
    from app.core.fit import Scorer

_MODELS = "scoring.npz"
DEFAULT_LEARNER = {"name": "linear"}


def keep_models(folder: Path, scorer: "Scorer") -> None:
    """Put the models where other workers find them; who finds the shards in the database finds these, too."""
    arrays: dict[str, Any] = {f"learner.{name}": value for name, value in scorer.learner.state().items()}
    if scorer.chooser is not scorer.learner:
        arrays |= {f"chooser.{name}": value for name, value in scorer.chooser.state().items()}
    wanted = np.array([scorer.wants_scores, scorer.wants_doubt])
    store.save_arrays(folder / _MODELS, wanted=wanted, **arrays)


def read_models(db: Session, made: Round) -> tuple["Scorer", Features]:
    """The models of a round, and the features that it scores. Raises FileNotFoundError where the round is over."""
    from app.core.fit import Scorer

    project = db.get_one(Project, made.project_id)
    found = store.read_arrays(store.round_folder(made.project_id, made.id) / _MODELS)
    learner = _model(made, found, "learner.")
    chooser = _model(made, found, "chooser.") if any(name.startswith("chooser.") for name in found) else learner
    wants_scores, wants_doubt = map(bool, found["wanted"])
    scorer = Scorer(load_task(project.task), learner, chooser, wants_scores, wants_doubt)
    return scorer, features_of(made.project_id, made)


def read_learner(made: Round) -> Learner:
    """The model that a published round fitted. Raises FileNotFoundError where its arrays are deleted."""
    return _model(made, store.read_arrays(store.round_folder(made.project_id, made.id) / "model.npz"), "")


def _model(made: Round, arrays: dict[str, Any], prefix: str) -> Learner:
    made_of = made.recipe.get("learner") or DEFAULT_LEARNER
    learner = plugins.make("learners", made_of, Learner)
    learner.load({name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)})
    return learner


def score(folder: Path, scorer: "Scorer", features: Features, start: int, stop: int) -> None:
    """Score one shard, and keep what was said of it."""
    said: dict[str, list[Any]] = {"scores": [], "doubt": []}
    for first in range(start, stop, BLOCK_ROWS):
        p, doubt = scorer.part(features.take(np.arange(first, min(first + BLOCK_ROWS, stop))))
        if p is not None:
            said["scores"].append(p.astype(np.float16))
        if doubt is not None:
            said["doubt"].append(doubt)
    store.save_arrays(_file(folder, start), **{name: np.concatenate(parts) for name, parts in said.items() if parts})


def joined(folder: Path, scorer: "Scorer", stretches: list[tuple[int, int]]) -> tuple[Any, Any]:
    """What all shards said: float16 [pieces, outputs] and float32 [pieces], each None where it was not wanted."""
    total = stretches[-1][1]
    scores = np.empty((total, scorer.task.outputs), np.float16) if scorer.wants_scores else None
    doubt = np.empty(total, np.float32) if scorer.wants_doubt else None
    for start, stop in stretches:
        said = store.read_arrays(_file(folder, start))
        if scores is not None:
            scores[start:stop] = said["scores"]
        if doubt is not None:
            doubt[start:stop] = said["doubt"]
    for start, _ in stretches:
        store.delete(_file(folder, start))
    store.delete(folder / _MODELS)
    return scores, doubt


def _file(folder: Path, start: int) -> Path:
    return folder / f"scored-{start:010d}.npz"
