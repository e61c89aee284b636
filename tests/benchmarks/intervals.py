"""How often every interval that is shown holds the truth: in worlds whose truth is known, at 95 %."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
import torch

from app.core.data import ArrayFeatures, Cuts
from app.core.evaluation.bootstrap import log_loss_interval, macro_f1_interval
from app.core.evaluation.calibration import calibration_error
from app.core.evaluation.forecast import forecast
from app.core.evaluation.intervals import wilson
from app.core.evaluation.lure import weighted_share
from app.core.evaluation.metrics import ece, log_loss, macro_f1
from app.core.evaluation.stratified import post_stratified
from app.core.labelled import Labelled
from app.core.learners.linear import Linear
from app.core.record import verdict
from app.core.tasks import load as load_task
from tests.benchmarks.report import table

POOL, SIZES, REPETITIONS = 20_000, (50, 100, 300), 200
WORLDS = {
    "2 classes, balanced": (0.5, 0.5),
    "2 classes, 9 : 1": (0.9, 0.1),
    "5 classes, balanced": (0.2,) * 5,
    "5 classes, 60 % to 4 %": (0.6, 0.2, 0.1, 0.06, 0.04),
}
CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "power law": lambda n: 0.92 - 1.6 * n**-0.5,
    "slow power law": lambda n: 0.98 - 0.9 * n**-0.25,
    "exponential": lambda n: 0.85 - 0.5 * np.exp(-n / 120),
    "flat": lambda n: 0.8 + 0 * n,
}
LABELS = {100: (10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100), 300: (20, 30, 45, 70, 100, 130, 160, 200, 250, 300)}
Held = list[tuple[bool, float] | None]  # whether the interval held the truth, and its width; None: not shown


@dataclass(frozen=True)
class World:
    """A pool of one model's probabilities [N, K], half again too sure, and its classes [N]."""

    p: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, shares: tuple[float, ...], rng: np.random.Generator) -> "World":
        y = rng.choice(len(shares), POOL, p=shares)
        z = np.log(shares) + 2.2 * np.eye(len(shares))[y] + rng.standard_normal((POOL, len(shares)))
        p = np.exp(1.5 * (z - z.max(axis=1, keepdims=True)))
        return cls(p / p.sum(axis=1, keepdims=True), y)

    @property
    def right(self) -> np.ndarray:
        return np.asarray(self.p.argmax(axis=1) == self.y)


def run(folder: Path, quick: bool) -> str:  # nothing is written
    """The tables: what is measured on a sample, the forecast, and the record's verdict."""
    torch.set_num_threads(1)
    repetitions = 20 if quick else REPETITIONS
    error = 1.96 * np.sqrt(0.95 * 0.05 / repetitions)
    about = (
        f"Share of {repetitions} samples whose 95 % interval holds the truth, and in brackets the mean width; an "
        f"honest interval shows 0.95 ± {error:.3f} here. A sample is n of {POOL:,} items of a pool whose truth is "
        "known, from a model that is half again too sure. ‘not shown’: the share of samples of which the product shows "
        "no interval."
    )
    head = ["world", "n", "accuracy", "Wilson", "macro-F1", "log loss", "calibration error", "LURE"]
    told = (
        "Forecast: the accuracy at twice the labels, of curves whose points are measured on growing samples that "
        "contain each other; then the record’s verdict on two queues that both ask at random, where every ‘better’ and "
        "‘worse’ is an error."
    )
    forecasts = table(["curve", "labels", "held at the end", "held at the start"], list(_forecasts(repetitions)))
    verdicts = table(["random checks", "better", "worse", "held 0"], list(_verdicts(repetitions)))
    return "\n\n".join([about, table(head, list(_measures(repetitions))), told, forecasts, verdicts])


def _measures(repetitions: int) -> Iterator[list[str]]:
    for name, shares in WORLDS.items():
        world = World.of(shares, np.random.default_rng(0))
        for n in SIZES:
            found = [_sample(world, n, np.random.default_rng([n, seed])) for seed in range(repetitions)]
            yield [name, str(n), *(_cell([one[i] for one in found]) for i in range(6))]


def _sample(world: World, n: int, rng: np.random.Generator) -> Held:
    rows = rng.choice(POOL, n, replace=False)
    every, one_hot = np.eye(world.p.shape[1], dtype=bool), np.eye(world.p.shape[1])
    p, y, right, sure = world.p[rows], world.y[rows], world.right[rows], world.p.max(axis=1)
    accuracy = float(world.right.mean())
    predicted = every[world.p.argmax(axis=1)]
    f1, loss = macro_f1(predicted, every[world.y]), log_loss(world.p, one_hot[world.y], True)
    return [
        _held(accuracy, post_stratified(right, sure[rows], sure)[1:]),
        _held(accuracy, wilson(int(right.sum()), n)),
        _held(f1, macro_f1_interval(predicted[rows], every[y], rng)),
        _held(loss, log_loss_interval(p, one_hot[y], True, rng)),
        _held(ece(sure, world.right), calibration_error(sure[rows], right, rng)[1:]),
        _held(accuracy, _lure(world, n, rng)),
    ]


def _lure(world: World, n: int, rng: np.random.Generator) -> tuple[float, float]:
    """Of 2,000 items n are drawn one after another, doubtful ones up to ten times as probably."""
    pool = rng.choice(POOL, 2000, replace=False)
    wish = 0.1 + 1 - world.p[pool].max(axis=1)
    keys = np.log(wish) + rng.gumbel(size=len(pool))
    order = np.argsort(-keys)[:n]
    left = wish.sum() - np.concatenate([[0], wish[order].cumsum()[:-1]])
    _, low, high, _ = weighted_share(world.right[pool[order]], wish[order] / left, len(pool))
    return low, high


def _forecasts(repetitions: int) -> Iterator[list[str]]:
    for name, curve in CURVES.items():
        for last, labels in LABELS.items():
            ends: Held = []
            starts: Held = []
            for seed in range(repetitions):
                rng = np.random.default_rng([last, seed])
                found = forecast(_points(curve, np.array(labels, float), rng), 2 * last, rng)
                assert found is not None
                ends.append(_held(_share(curve, 2 * last), (found.low[-1], found.high[-1])))
                starts.append(_held(_share(curve, last), (found.low[0], found.high[0])))
            yield [name, f"{last}, then {2 * last}", _cell(ends), _cell(starts)]


def _points(
    curve: Callable[[np.ndarray], np.ndarray], labels: np.ndarray, rng: np.random.Generator
) -> list[tuple[float, float, float, float]]:
    """A tenth of the labels are random checks, and as many of the queue's belong to the sample; a fifth of an item's
    luck is its own under each model.
    """
    sizes = 10 + (labels / 5).astype(int)
    shared, points = rng.standard_normal(sizes[-1]), []
    for n, size in zip(labels, sizes, strict=True):
        luck = np.sqrt(0.8) * shared + np.sqrt(0.2) * rng.standard_normal(sizes[-1])
        right = int((luck[:size] < NormalDist().inv_cdf(_share(curve, n))).sum())
        points.append((float(n), right / size, *wilson(right, size)))
    return points


def _share(curve: Callable[[np.ndarray], np.ndarray], labels: float) -> float:
    return float(np.clip(curve(np.array(labels, float)), 0.05, 0.98))


def _verdicts(repetitions: int) -> Iterator[list[str]]:
    task = load_task({"kind": "classification", "classes": [{"name": name} for name in "abc"]})
    for n in SIZES:
        said, held = [], []
        for seed in range(repetitions):
            rng = np.random.default_rng([n, seed])
            y = rng.integers(3, size=2 * n)
            x = 0.8 * np.eye(3, 8)[y] + rng.standard_normal((2 * n, 8))
            members = np.eye(3, dtype=bool)[y]
            labelled = Labelled(np.arange(2 * n), members.astype(np.float32), members, 0, Cuts(2 * n), np.arange(2 * n))
            rows = rng.permutation(2 * n)
            features = ArrayFeatures(x.astype(np.float32))
            found = verdict(task, features, labelled, rows[:n], rows[n:], lambda: Linear(strength=0.004), rng)
            assert found is not None
            said.append(found.verdict)
            held.append(_held(0.0, (found.low, found.high)))
        yield [str(n), *(f"{np.mean([one == word for one in said]):.3f}" for word in ("better", "worse")), _cell(held)]


def _held(truth: float, interval: tuple[float, float] | None) -> tuple[bool, float] | None:
    return None if interval is None else (interval[0] <= truth <= interval[1], interval[1] - interval[0])


def _cell(found: Held) -> str:
    shown = [one for one in found if one is not None]
    hidden = f"; {1 - len(shown) / len(found):.0%} not shown" if len(shown) < len(found) else ""
    if len(shown) < 20:
        return "not shown"
    return f"{np.mean([one[0] for one in shown]):.3f} ({np.mean([one[1] for one in shown]):.2f}{hidden})"
