"""How far probabilities are from what they claim after 300 labels, however the items were chosen (ECE)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from app.core.data import ArrayFeatures
from app.core.simulate import Budget, Known, replay, test_rows, with_strategy
from app.core.tasks import load as load_task
from tests.benchmarks.learning.data import sets
from tests.benchmarks.learning.data.sources import Missing
from tests.benchmarks.report import table

LABELS, BATCH, SEEDS, GOAL = 300, 30, 5, 0.05
STRATEGIES = ("random", "margin", "auto")
DATA = (
    "banking77", "banking77 hashed", "agnews", "agnews hashed", "digits", "segment", "satimage", "spambase", "texture",
    "reuters_r8",
)  # fmt: skip


def run(folder: Path, quick: bool) -> str:  # nothing is written
    """The table: every data set by every way to choose."""
    torch.set_num_threads(1)
    names, seeds = (("digits",), 2) if quick else (DATA, SEEDS)
    rows, missed = [], []
    for name, known in _sets(names):
        found = {each: [_ece(known, each, seed) for seed in range(seeds)] for each in STRATEGIES}
        held = len(test_rows(known.features.rows, Budget(LABELS, BATCH, 0)))
        rows.append([name, f"{len(known.task.classes)}", f"{held:,}", *(_cell(found[each]) for each in STRATEGIES)])
        missed += [f"{name} by {each}" for each in STRATEGIES if np.mean(found[each]) >= GOAL]
        print(name, flush=True)
    about = (
        f"Expected calibration error (15 bins) of the learner `linear` after {LABELS} labels, on items that are never "
        f"asked, played through the rounds that a project runs: {BATCH} labels a round, a tenth of them drawn at "
        f"random; mean (least to most) of {seeds} seeds. A perfectly calibrated model shows about 0.01 to 0.02 on so "
        "many test items."
    )
    told = f"At or above {GOAL}: {', '.join(missed)}." if missed else f"All are under {GOAL}."
    return "\n\n".join([about, table(["data", "classes", "test items", *STRATEGIES], rows), told])


def _sets(names: tuple[str, ...]) -> Iterator[tuple[str, Known]]:
    for name in names:
        plain, _, hashed = name.partition(" ")
        try:
            source = sets.SETS[plain]
            found = sets._make(plain, sets.Source("text", source.raw, "hashed_ngrams")) if hashed else sets.load(plain)
        except Missing as error:
            print(f"{name} is left out: {error}")
            continue
        task = load_task({"kind": "classification", "classes": [{"name": each} for each in found.classes]})
        answers = [{"class": found.classes[each]} for each in found.truth]
        yield name, Known(task, ArrayFeatures(found.features), answers)


def _ece(known: Known, strategy: str, seed: int) -> float:
    recipe = with_strategy({}, {"name": strategy}, {"name": "linear"})
    *_, last = replay(known, recipe, Budget(LABELS, BATCH, seed, is_calibrated=True))
    assert last.ece is not None
    return last.ece


def _cell(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
