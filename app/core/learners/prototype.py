"""The learner `prototype`: nearest class mean; fitted in one pass, and a new class works from one example."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner, State
from app.core.learners._outputs import Outputs, kept


@dataclass
class Prototype(Learner):
    """The class whose mean an item's direction is nearest to: at once there, and a new class works from one example.

    u = (x − x̄) / ‖x − x̄‖; z_c = sharpness · cos(u, m_c), m_c the mean of u over the rows of class c; of several classes
    sharpness · (cos(u, m_yes) − cos(u, m_no)) + log(n_yes / n_no). How often a class was labelled has no say among
    exclusive ones, since what was asked is no sample. Draws are of the means, m_c + N(0, σ² / n_c), σ² the variance
    within classes. Snell, Swersky & Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017, on fixed
    features.
    """

    sharpness: float = field(
        default=13.0,
        metadata={"help": "What cosines are multiplied by, before the temperature", "low": 0, "high": 1000},
    )

    def fit(
        self,
        X: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        exclusive: bool,
        rng: np.random.Generator,  # noqa: ARG002 - nothing is drawn
        folds: IntArray,
        n_folds: int,
        uniform: BoolArray | None = None,
        warm: State | None = None,
    ) -> None:
        """Sum the rows of each class and fold; a fold model's sums are the whole's less those of its fold."""
        x, t = torch.from_numpy(np.array(X, np.float32)), torch.from_numpy(np.array(targets, np.float32))
        w = torch.from_numpy(np.array(weights, np.float32))
        self._centre = x.mean(0)
        u = self._embed(x)
        model = np.asarray(folds, np.int64)[: len(x) if n_folds else 0]
        self._outputs = Outputs.of(t, w[:, None] * kept(folds, n_folds), exclusive)
        sides = t if exclusive else torch.cat([t, 1 - t], 1)
        sums, counts = (sides * w[:, None]).T @ u, w @ sides
        z = torch.zeros(len(model), t.shape[1])
        for fold in range(n_folds):
            out = torch.from_numpy(np.flatnonzero(model == fold))
            held = sides[out] * w[out, None]
            z[out] = _logits(u[out], *self._layer(sums - held.T @ u[out], counts - held.sum(0)))
        self._outputs.finish(z, targets, model, uniform, warm)
        self._sums, self._counts = sums, counts
        self._spread = _spread(sums, counts, float(w.sum()), 1 if exclusive else t.shape[1])

    def cost(self, rows: int, dimensions: int, classes: int, n_folds: int) -> float:
        """Sums of rows, and the distance of each to every class."""
        return 4.0 * rows * dimensions * classes * (2 if n_folds else 1)

    def predict(self, X: FloatArray) -> FloatArray:
        """Probabilities [n, K]."""
        u = self._embed(torch.from_numpy(np.ascontiguousarray(X, np.float32)))
        return self._outputs.probabilities(_logits(u, *self._layer(self._sums, self._counts)))

    def out_of_fold(self) -> FloatArray:
        """Of the training rows."""
        return self._outputs.out_of_fold

    def embed(self, X: FloatArray) -> FloatArray:
        """u [n, d]."""
        return np.asarray(self._embed(torch.from_numpy(np.ascontiguousarray(X, np.float32))).numpy())

    def head(self) -> FloatArray:
        """The directions of the means."""
        return self._outputs.head(*self._layer(self._sums, self._counts))

    def sample(self, X: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """By draws of the means."""
        u = self._embed(torch.from_numpy(np.ascontiguousarray(X, np.float32)))
        drawn = []
        for _ in range(k):
            noise = torch.from_numpy(rng.standard_normal(self._sums.shape, np.float32))
            moved = self._sums + noise * self._spread * self._counts.sqrt()[:, None]  # of a sum, not of a mean
            drawn.append(self._outputs.probabilities(_logits(u, *self._layer(moved, self._counts))))
        return np.stack(drawn) if drawn else np.empty((0, len(u), self._outputs.prior.shape[1]), np.float32)

    @property
    def temperature(self) -> float:
        """What the scaled cosines are divided by."""
        return self._outputs.temperature

    def state(self) -> State:
        """The sums of each class, or of each class's yes and no."""
        return {
            "centre": self._centre.numpy(),
            "sums": self._sums.numpy(),
            "counts": self._counts.numpy(),
            "spread": np.array(self._spread),
            **self._outputs.state(),
        }

    def load(self, state: State) -> None:
        """Predict from a state."""
        self._centre, self._sums, self._counts = (
            torch.from_numpy(np.array(state[name], np.float32)) for name in ("centre", "sums", "counts")
        )
        self._spread, self._outputs = float(state["spread"]), Outputs.load(state)

    def _embed(self, x: Tensor) -> Tensor:
        return functional.normalize(x - self._centre, dim=1, eps=1e-9)

    def _layer(self, sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Weights [d, K] and bias [K] from the sums of each class, or of each class's yes and no."""
        directions = functional.normalize(sums, dim=1, eps=1e-9).T * self.sharpness
        classes = self._outputs.prior.shape[1]
        if self._outputs.exclusive:
            return directions, torch.zeros(classes)
        odds = counts.clamp_min(1e-6).log()
        return directions[:, :classes] - directions[:, classes:], odds[:classes] - odds[classes:]


def _logits(u: Tensor, W: Tensor, bias: Tensor) -> Tensor:
    return u @ W + bias


def _spread(sums: Tensor, counts: Tensor, n: float, questions: int) -> float:
    """σ of a dimension within classes, of n unit vectors: Σ ‖u − m‖² = n − Σ_c ‖s_c‖² / n_c, for the mean question."""
    between = float((sums.square().sum(1) / counts.clamp_min(1e-6)).sum()) / questions
    free = max(1.0, n - float((counts > 0).sum()) / questions)
    return float((max(0.0, n - between) / free / sums.shape[1]) ** 0.5)
