"""What each encoder's features are worth to a linear head with few labels, and what RankMe says without any."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch

from app.core import plugins
from app.core.data import ArrayFeatures
from app.core.encoders import Encoder, ladder
from app.core.feature_quality import rankme, sampled
from app.core.learners.linear import Linear
from tests.benchmarks.learning.data.sets import SETS, Raw, Source, _table
from tests.benchmarks.learning.data.sources import Missing
from tests.benchmarks.report import table
from tests.loop.data import ROOT

LABELS = (50, 100, 300)
SEEDS = 10
STRENGTH = 0.004  # of the L2 penalty: what the learner begins with
MOST, CHARACTERS, TEST = 2000, 1500, 1000
TABLES = (
    "banana", "german", "magic", "phoneme", "ring", "tic-tac-toe", "vehicle", "chess", "australian", "contraceptive",
    "heart", "ionosphere", "led7digit", "pima", "sonar", "titanic", "twonorm",
)  # fmt: skip


def _drawings() -> Raw:
    with ZipFile(ROOT / "app" / "demo_data" / "clipart.zip") as archive:
        names = sorted(one for one in archive.namelist() if one.endswith(".jpg"))
        return [archive.read(one) for one in names], [one.split("/")[0] for one in names]


DATA = {
    **{name: source for name, source in SETS.items() if source.kind in ("text", "image")},
    "clipart": Source("image", _drawings, ""),
    **{name: source for name, source in SETS.items() if source.kind == "table"},
    **{name: Source("table", _table(name), "") for name in TABLES},
}


@dataclass(frozen=True)
class Measured:
    """One encoder on one data set: width, RankMe, and accuracies [labels, seeds], NaN where items are too few."""

    data: str
    kind: str
    encoder: str
    dimensions: int
    rankme: float
    accuracy: np.ndarray


def run(folder: Path, quick: bool) -> str:  # nothing is written
    """The tables: every data set by every encoder of its ladder."""
    torch.set_num_threads(1)
    seeds = 2 if quick else SEEDS
    found = [one for name in (list(DATA)[-3:] if quick else DATA) for one in _measure(name, seeds)]
    about = (
        f"Accuracy in % of the learner `linear`, strength {STRENGTH}, on at most {TEST:,} items that are never "
        f"labelled, with labels drawn at random; mean of {seeds} seeds; in brackets what the second rung "
        f"adds to the first, paired, ± 95 %. At most {MOST:,} items of each set."
    )
    head = ["data", "encoder", "dimensions", "RankMe", *(f"{labels} labels" for labels in LABELS)]
    return "\n\n".join([about, table(head, _rows(found)), *_summaries(found)])


def _measure(name: str, seeds: int) -> list[Measured]:
    source = DATA[name]
    try:
        contents, labels = source.raw()
    except Missing as error:
        print(f"{name} is left out: {error}")
        return []
    kept = np.random.default_rng(0).permutation(len(labels))[:MOST]
    contents = [contents[i][:CHARACTERS] if source.kind == "text" else contents[i] for i in kept]
    truth = np.unique([labels[i] for i in kept], return_inverse=True)[1]
    return [_encoded(name, source.kind, spec["name"], contents, truth, seeds) for spec in ladder(source.kind)]


def _encoded(data: str, kind: str, encoder: str, contents: Sequence[Any], truth: np.ndarray, seeds: int) -> Measured:
    made = plugins.make("encoders", {"name": encoder}, Encoder)
    x = made.encode(contents, made.learn(contents) if kind == "table" else {})
    quality = rankme(sampled(ArrayFeatures(x), np.random.default_rng(0)))
    accuracy = np.array([[_accuracy(x, truth, labels, seed) for seed in range(seeds)] for labels in LABELS])
    print(f"{data} {encoder}", flush=True)
    return Measured(data, kind, encoder, x.shape[1], quality, accuracy)


def _accuracy(x: np.ndarray, truth: np.ndarray, labels: int, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(len(x))
    cut = min(TEST, len(x) // 3)
    test, train = order[:cut], order[cut:][:labels]
    if len(train) < labels:
        return float("nan")
    head, targets = Linear(strength=STRENGTH), np.eye(truth.max() + 1, dtype=np.float32)[truth[train]]
    weights, no_folds = np.ones(labels, np.float32), np.zeros(labels, np.int64)
    head.fit(x[train], targets, weights, True, np.random.default_rng(seed), no_folds, 0)
    return float((head.predict(x[test]).argmax(1) == truth[test]).mean())


def _rows(found: list[Measured]) -> list[list[str]]:
    rows = []
    for one in found:
        first = next(other for other in found if other.data == one.data)
        cells = [_cell(one.accuracy[i], first.accuracy[i] if one is not first else None) for i in range(len(LABELS))]
        rows.append([one.data, one.encoder, str(one.dimensions), f"{one.rankme:.0f}", *cells])
    return rows


def _cell(accuracy: np.ndarray, first: np.ndarray | None) -> str:
    if np.isnan(accuracy).any():
        return ""
    mean = f"{100 * accuracy.mean():.1f}"
    if first is None:
        return mean
    gain = 100 * (accuracy - first)
    return f"{mean} ({gain.mean():+.1f} ± {1.96 * gain.std(ddof=1) / np.sqrt(len(gain)):.1f})"


def _summaries(found: list[Measured]) -> list[str]:
    """For each kind: the second rung's errors over the first's, and whether RankMe orders the two rightly."""
    texts = []
    for kind in ("text", "image", "table"):
        pairs = [(one, two) for one, two in pairwise(found) if one.kind == kind and one.data == two.data]
        if pairs:
            ratios = [_ratio([(1 - a.accuracy[i], 1 - b.accuracy[i]) for a, b in pairs]) for i in range(len(LABELS))]
            right = sum((b.rankme > a.rankme) == (b.accuracy[1].mean() > a.accuracy[1].mean()) for a, b in pairs)
            texts.append(
                f"{kind}: errors of the second rung over the first's, geometric mean over {len(pairs)} sets "
                f"(95 % by drawing sets anew), with {', '.join(map(str, LABELS))} labels: {', '.join(ratios)}. "
                f"With {LABELS[1]} labels RankMe orders the two rungs rightly on {right} of {len(pairs)} sets."
            )
    return texts


def _ratio(errors: list[tuple[np.ndarray, np.ndarray]]) -> str:
    logs = np.array([np.log(b.mean() / a.mean()) for a, b in errors if np.isfinite(a).all()])
    drawn = np.random.default_rng(0).integers(len(logs), size=(2000, len(logs)))
    low, high = np.exp(np.quantile(logs[drawn].mean(1), (0.025, 0.975)))
    return f"{np.exp(logs.mean()):.2f} ({low:.2f} to {high:.2f})"
