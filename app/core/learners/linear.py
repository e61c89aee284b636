"""The learner `linear`: logistic regression on the features, with its fold models in the same optimisation."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from app.core import devices
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner, State
from app.core.learners._balance import balanced
from app.core.learners._laplace import Posterior
from app.core.learners._logistic import Rows
from app.core.learners._logistic import fit as minimum
from app.core.learners._outputs import Outputs, kept, of_own_model
from app.core.learners._strength import MIDDLE, choose

# Floating-point operations of a fit, under a second on one core; a larger fit stops earlier and goes on in
# the next round.
BUDGET = 2.5e10
# The strength is looked for again when there are so many times the labels.
GROWTH = 1.25


@dataclass
class Linear(Learner):
    """Logistic regression with L2: a linear head that fits in a fraction of a second.

    Minimises Σ_i w_i H(t_i, p_i) + λ/2 ‖W‖², λ = strength · Σ w / K, over W [d + 1, K], for the whole and for each of
    the folds left out, in one batch; H is the cross-entropy of softmax(x_i W) for exclusive classes, the sum of the
    sigmoids' otherwise. x_i is scaled to a mean square norm of 1, with a 1 appended. The strength is chosen on folds,
    and kept for fits without folds; the temperature is fitted to the out-of-fold logits. Draws are from Laplace's
    approximation with Kronecker factors, cooled.
    """

    strength: float = field(
        default=0.0, metadata={"help": "L2 penalty for each label a class; 0: chosen on folds", "low": 0, "high": 1000}
    )
    balance: float = field(
        default=0.5,
        metadata={
            "help": "How far rare classes weigh more: 0 not at all, 1 until all weigh the same",
            "low": 0,
            "high": 1,
        },
    )
    iterations: int = field(default=60, metadata={"help": "Steps of the optimiser, at most", "low": 1, "high": 10000})

    def fit(
        self,
        X: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        exclusive: bool,
        rng: np.random.Generator,  # noqa: ARG002 - a convex problem, nothing is drawn
        folds: IntArray,
        n_folds: int,
        uniform: BoolArray | None = None,
        warm: State | None = None,
    ) -> None:
        """Fit all n_folds + 1 models at once, the whole last; start from `warm` where that is better than
        from zero.
        """
        x, t = torch.from_numpy(np.array(X, np.float32)), torch.from_numpy(np.array(targets, np.float32))
        self._scale = float(x.square().sum(1).mean().sqrt()) or 1.0
        design = torch.cat([x / self._scale, torch.ones(len(x), 1)], 1)
        w = torch.from_numpy(np.array(weights, np.float32))[:, None] * kept(folds, n_folds)
        self._outputs = Outputs.of(t, w, exclusive)
        rows = Rows(design, t, w, self._outputs.seen, exclusive)
        unit = float(weights.sum()) / t.shape[1]
        with torch.inference_mode():
            start = self._start(warm, rows)
            self._strength, self._chosen_at, start = self._choose(rows, folds, n_folds, unit, start, warm or {})
            rows = replace(rows, weights=balanced(w, t, self.balance)) if exclusive else rows
            strength = torch.full((n_folds + 1,), self._strength * unit)
            self._W = minimum(rows, strength, start, self._steps(rows, n_folds))
            z = (design @ self._W.flatten(1)).view(len(x), n_folds + 1, -1)
            model = np.asarray(folds, np.int64)[: len(x) if n_folds else 0]
            self._outputs.finish(of_own_model(z[: len(model)], model), targets, model, uniform, warm)
            p = torch.from_numpy(self._outputs.probabilities(z[:, -1]))
            self._posterior = Posterior.of(design, w[:, -1], p, exclusive, self._strength * unit)

    def predict(self, X: FloatArray) -> FloatArray:
        """Probabilities [n, K] of the model that was fitted to all rows."""
        with torch.inference_mode():
            return self._outputs.probabilities(self._logits(X))

    def out_of_fold(self) -> FloatArray:
        """Probabilities [n, K] of the training rows."""
        return self._outputs.out_of_fold

    def head(self) -> FloatArray:
        """The weights of the features as they come."""
        with torch.inference_mode():
            return self._outputs.head(self._W[:-1, -1] / self._scale, self._W[-1, -1])

    def sample(self, X: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """By draws of the weights."""
        with torch.inference_mode():
            more = self._posterior.draws(k, rng)
            x = torch.from_numpy(np.ascontiguousarray(X, np.float32))
            z = self._logits(X) + x @ (more[:, :-1] / self._scale) + more[:, -1:]
            return self._outputs.probabilities(z)

    @property
    def temperature(self) -> float:
        """What the logits are divided by."""
        return self._outputs.temperature

    def state(self) -> State:
        """Weights [d + 1, models, K] of the fold models and the whole, and what goes with them."""
        return {
            "W": self._W.numpy(),
            "scale": np.array(self._scale),
            "strength": np.array(self._strength),
            "chosen_at": np.array(self._chosen_at),
            **self._outputs.state(),
            **self._posterior.state(),
        }

    def load(self, state: State) -> None:
        """Predict from a state; out-of-fold predictions are of the fit and do not come with it."""
        self._W = torch.from_numpy(np.array(state["W"], np.float32))
        self._scale, self._strength = float(state["scale"]), float(state["strength"])
        self._chosen_at = int(state["chosen_at"])
        self._outputs, self._posterior = Outputs.load(state), Posterior.load(state)

    def _choose(
        self, rows: Rows, folds: IntArray, n_folds: int, unit: float, start: Tensor | None, warm: State
    ) -> tuple[float, int, Tensor]:
        """The strength, at how many labels it was chosen, and where the models start."""
        n = len(rows.design)
        zero = torch.zeros(rows.design.shape[1], *rows.seen.shape)
        strength, chosen_at = self.strength or MIDDLE, n if self.strength else 0
        if start is not None and not self.strength:
            strength, chosen_at = float(warm["strength"]), int(warm["chosen_at"])
        if n_folds < 2 or n < GROWTH * chosen_at:
            return strength, chosen_at, zero if start is None else start
        strength, found = choose(rows, self.balance, folds, n_folds, unit, self.iterations)
        if start is None:
            start = torch.cat([found[:, torch.arange(n_folds) % found.shape[1]], found.mean(1, keepdim=True)], 1)
        return strength, n, start

    def _start(self, warm: State | None, rows: Rows) -> Tensor | None:
        """The weights of an earlier fit to these features and classes."""
        shape = (rows.design.shape[1], *rows.seen.shape)
        known = warm["W"] if warm and "W" in warm else np.empty((0, 0, 0))
        if shape[1] == 1:  # the whole model alone; one with folds ends with it
            known = known[:, -1:]
        if warm is None or known.shape != shape:
            return None
        W = torch.from_numpy(np.array(known, np.float32))
        W[:-1] *= self._scale / float(warm["scale"])
        return W

    def _steps(self, rows: Rows, n_folds: int) -> int:
        """The queue waits for a fit without folds; fold models that stop early would measure worse ones."""
        affordable = int(BUDGET / (4 * rows.design.numel() * rows.seen.numel()))
        return self.iterations if n_folds else min(self.iterations, max(affordable, 5))

    def _logits(self, X: FloatArray) -> Tensor:
        place = devices.device()  # fits are small; it is the pool that is large
        x = torch.from_numpy(np.ascontiguousarray(X, np.float32)).to(place)
        return (x @ (self._W[:-1, -1] / self._scale).to(place)).cpu() + self._W[-1, -1]
