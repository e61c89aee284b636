"""The learner `knn`: labelled items vote for what is near them; nothing is fitted, and a new class works from one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner, State
from app.core.learners._balance import balanced
from app.core.learners._outputs import Outputs, kept

ELEMENTS = 20_000_000  # similarities held at a time
DOUBT = 0.02  # of the votes, shared as the classes are: never 0 for a class that no neighbour has


@dataclass
class KNN(Learner):
    """The nearest labelled items vote, nearer ones more: no training, and curved borders between classes.

    v_c = Σ_i w_i exp(sharpness · (cos_i − cos_1)) t_ic over the nearest i, of directions from the labelled rows' mean;
    z = log v for exclusive classes, the log odds otherwise. Draws weigh the labelled rows by Exp(1): Rubin, "The
    Bayesian bootstrap", Annals of Statistics 1981. Scoring costs n · labels · d: for up to some thousand labels.
    """

    neighbours: int = field(default=50, metadata={"help": "How many labelled items vote", "low": 1, "high": 10000})
    sharpness: float = field(default=20.0, metadata={"help": "How much more a nearer one says", "low": 0, "high": 1000})
    balance: float = field(
        default=0.5,
        metadata={
            "help": "How far rare classes weigh more: 0 not at all, 1 until all weigh the same",
            "low": 0,
            "high": 1,
        },
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
        """Remember the rows; out of fold, a row's own fold has no vote."""
        x, t = torch.from_numpy(np.array(X, np.float32)), torch.from_numpy(np.array(targets, np.float32))
        self._centre = x.mean(0)
        self._rows, self._targets = self._embed(x), t
        w = torch.from_numpy(np.array(weights, np.float32))[:, None] * kept(folds, n_folds)
        self._outputs = Outputs.of(t, w, exclusive)
        w = balanced(w, t, self.balance) if exclusive else w
        self._weights = w[:, -1]
        model = np.asarray(folds, np.int64)[: len(x) if n_folds else 0]
        z = torch.zeros(len(model), t.shape[1])
        for fold in range(n_folds):
            out = torch.from_numpy(np.flatnonzero(model == fold))
            for start in range(0, len(out), self._block()):
                part = out[start : start + self._block()]
                z[part] = self._logits(self._rows[part], w[:, fold][None])[0]
        self._outputs.finish(z, targets, model, uniform, warm)

    def cost(self, rows: int, dimensions: int, classes: int, n_folds: int) -> float:
        """Every row against every other, once, however many folds there are."""
        return 2.0 * rows**2 * (dimensions + classes) if n_folds else 2.0 * rows * dimensions

    def predict(self, X: FloatArray) -> FloatArray:
        """Probabilities [n, K]."""
        parts = [self._outputs.probabilities(self._logits(u, self._weights[None])[0]) for u in self._parts(X)]
        return np.concatenate(parts)

    def out_of_fold(self) -> FloatArray:
        """Of the training rows."""
        return self._outputs.out_of_fold

    def sample(self, X: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """By draws of the labelled rows' weights."""
        drawn = self._weights * torch.from_numpy(rng.standard_exponential((k, len(self._rows)), np.float32))
        return np.concatenate([self._outputs.probabilities(self._logits(u, drawn)) for u in self._parts(X)], 1)

    def embed(self, X: FloatArray) -> FloatArray:
        """Directions from the labelled rows' mean [n, d]."""
        return np.asarray(self._embed(torch.from_numpy(np.ascontiguousarray(X, np.float32))).numpy())

    @property
    def temperature(self) -> float:
        """What the log votes are divided by."""
        return self._outputs.temperature

    def state(self) -> State:
        """The labelled rows."""
        arrays = {"centre": self._centre, "rows": self._rows, "targets": self._targets, "weights": self._weights}
        return {**{name: array.numpy() for name, array in arrays.items()}, **self._outputs.state()}

    def load(self, state: State) -> None:
        """Predict from a state."""
        self._centre, self._rows, self._targets, self._weights = (
            torch.from_numpy(np.array(state[name], np.float32)) for name in ("centre", "rows", "targets", "weights")
        )
        self._outputs = Outputs.load(state)

    def _embed(self, x: Tensor) -> Tensor:
        return functional.normalize(x - self._centre, dim=1, eps=1e-9)

    def _block(self) -> int:
        return max(1, ELEMENTS // max(1, len(self._rows)))

    def _parts(self, X: FloatArray) -> Iterator[Tensor]:
        """Directions, some rows at a time; once even if there are none."""
        for start in range(0, max(1, len(X)), self._block()):
            block = np.ascontiguousarray(X[start : start + self._block()], np.float32)
            yield self._embed(torch.from_numpy(block))

    def _logits(self, u: Tensor, weights: Tensor) -> Tensor:
        """Z [k, n, K] of directions [n, d], by the votes that k rows of weights [k, labelled] give."""
        near = u @ self._rows.T
        near = torch.where(weights.amax(0) > 0, near, -torch.inf)
        count = min(self.neighbours, len(self._rows))
        best = near.topk(count, dim=1).values
        near = torch.where(near >= best[:, -1:], torch.exp(self.sharpness * (near - best[:, :1])), 0.0).nan_to_num(0.0)
        each = weights[:, :, None] * self._targets
        share = each.sum(1, keepdim=True) / weights.sum(1).clamp_min(1e-12)[:, None, None]
        all_votes = (near @ weights.T).T[:, :, None]
        votes = torch.where(all_votes > 0, near @ each / all_votes.clamp_min(1e-30), share)
        p = ((1 - DOUBT) * votes + DOUBT * share).clamp(1e-6, 1 - 1e-6)
        return p.log() if self._outputs.exclusive else p.logit()
