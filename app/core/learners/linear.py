"""The learner `linear`: logistic regression on the features, with its fold models in the same optimisation."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from app.core.calibration import temperature
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner, State
from app.core.learners._lbfgs import minimise

# Floating-point operations of a fit, under a second on one core; a larger fit stops earlier and goes on in
# the next round.
BUDGET = 2.5e10


@dataclass
class Linear(Learner):
    """Logistic regression with L2: a linear head that fits in a fraction of a second.

    Minimises Σ_i w_i H(t_i, p_i) + λ/2 ‖W‖², λ = strength · n / K, over W [d + 1, K], for the whole and for
    each of the folds left out, in one batch; H is the cross-entropy of softmax(x_i W) for exclusive classes,
    the sum of the sigmoids' otherwise. x_i is scaled to a mean square norm of 1, with a 1 appended. The
    temperature is fitted to the out-of-fold logits.
    """

    strength: float = field(default=0.004, metadata={"help": "L2 penalty for each label a class"})
    iterations: int = field(default=60, metadata={"help": "Steps of the optimiser, at most"})

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
        self._exclusive = exclusive
        self._scale = float(x.square().sum(1).mean().sqrt()) or 1.0
        design = torch.cat([x / self._scale, torch.ones(len(x), 1)], 1)
        models = torch.arange(n_folds + 1)
        kept = (torch.from_numpy(np.asarray(folds))[:, None] != models) | (models == n_folds)
        w = torch.from_numpy(np.array(weights, np.float32))[:, None] * kept
        self._seen, self._prior = _priors(t, w, exclusive)
        steps = int(BUDGET / (4 * design.numel() * self._seen.numel()))
        with torch.inference_mode():
            self._W = minimise(
                _Loss(design, t, w, self._seen, exclusive, self.strength * float(weights.sum()) / t.shape[1]),
                self._start(warm, design.shape[1]),
                # The queue waits for a fit without folds; fold models that stop early would measure worse ones.
                self.iterations if n_folds else min(self.iterations, max(steps, 5)),
            )
            if n_folds == 0:
                self._temperature = float(warm["temperature"]) if warm else 1.0
                self._out_of_fold = np.empty((0, t.shape[1]), np.float32)
                return
            z = (design @ self._W.flatten(1)).view(len(x), n_folds + 1, -1)
            held_out = torch.from_numpy(np.asarray(folds))[:, None, None].expand(-1, 1, z.shape[2])
            z = z.gather(1, held_out)[:, 0]
        model = torch.from_numpy(np.asarray(folds))
        known = torch.where(self._seen[model], z, float("nan")).numpy()
        trusted = np.ones(len(x), bool) if uniform is None else np.asarray(uniform, bool)
        self._temperature = temperature(known[trusted], np.asarray(targets)[trusted], exclusive)
        self._out_of_fold = self._probabilities(z, self._seen[model], self._prior[model])

    def predict(self, X: FloatArray) -> FloatArray:
        """Probabilities [n, K] of the model that was fitted to all rows."""
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(X, np.float32))
            z = x @ (self._W[:-1, -1] / self._scale) + self._W[-1, -1]
            return self._probabilities(z, self._seen[-1], self._prior[-1])

    def out_of_fold(self) -> FloatArray:
        """Probabilities [n, K] of the training rows."""
        return self._out_of_fold

    @property
    def temperature(self) -> float:
        """What the logits are divided by."""
        return self._temperature

    def state(self) -> State:
        """Weights [d + 1, models, K] of the fold models and the whole, and what goes with them."""
        return {
            "W": self._W.numpy(),
            "seen": self._seen.numpy(),
            "prior": self._prior.numpy(),
            "scale": np.array(self._scale),
            "temperature": np.array(self._temperature),
            "exclusive": np.array(self._exclusive),
        }

    def load(self, state: State) -> None:
        """Predict from a state; out-of-fold predictions are of the fit and do not come with it."""
        self._W = torch.from_numpy(np.array(state["W"], np.float32))
        self._seen = torch.from_numpy(np.array(state["seen"], bool))
        self._prior = torch.from_numpy(np.array(state["prior"], np.float32))
        self._scale, self._temperature = float(state["scale"]), float(state["temperature"])
        self._exclusive = bool(state["exclusive"])

    def _start(self, warm: State | None, rows: int) -> Tensor:
        shape = (rows, *self._seen.shape)
        known = warm["W"] if warm and "W" in warm else np.empty((0, 0, 0))
        if shape[1] == 1:  # the whole model alone; one with folds ends with it
            known = known[:, -1:]
        if warm is None or known.shape != shape:
            return torch.zeros(shape)
        W = torch.from_numpy(np.array(known, np.float32))
        W[:-1] *= self._scale / float(warm["scale"])
        return W

    def _probabilities(self, z: Tensor, seen: Tensor, prior: Tensor) -> FloatArray:
        z = z / self._temperature
        if self._exclusive:
            p = torch.where(seen, z, -torch.inf).softmax(-1).nan_to_num(0.0)  # NaN: a fold without any class
            p = p * (1 - prior.sum(-1, keepdim=True)) + prior
        else:
            p = torch.where(seen, z.sigmoid(), prior)
        return p.numpy()


@dataclass(frozen=True)
class _Loss:
    """The objective of every model, from its logits; see minimise for what it asks."""

    design: Tensor  # [n, d + 1]
    targets: Tensor  # [n, K]
    weights: Tensor  # [n, models]
    seen: Tensor  # [models, K]
    exclusive: bool
    strength: float

    def logits(self, W: Tensor) -> Tensor:
        """Z [n, models, K]."""
        return (self.design @ W.flatten(1)).view(len(self.design), *self.seen.shape)

    def value(self, Z: Tensor) -> Tensor:
        """The data's part of each model's loss [models]."""
        t = self.targets[:, None]
        if self.exclusive:
            shown = torch.where(self.seen, Z, -torch.inf)
            each = shown.logsumexp(2) - (t * torch.where(self.seen, Z, 0)).sum(2)
            each = torch.where(self.seen.any(1), each, 0)
        else:
            each = ((torch.nn.functional.softplus(Z) - t * Z) * self.seen).sum(2)
        return (self.weights * each).sum(0)

    def gradient(self, Z: Tensor) -> Tensor:
        """The data's part of the gradient [d + 1, models, K]."""
        shown = torch.where(self.seen, Z, -torch.inf)
        p = shown.softmax(2).nan_to_num(0.0) if self.exclusive else Z.sigmoid()
        residual = (p - self.targets[:, None]) * self.seen * self.weights[:, :, None]
        return (self.design.T @ residual.flatten(1)).view(-1, *self.seen.shape)


def _priors(targets: Tensor, weights: Tensor, exclusive: bool) -> tuple[Tensor, Tensor]:
    """Which classes each model can tell [models, K], and the probability of the others, as if each was seen
    once more.

    Exclusive: 1 / (n + K) for a class without a label. Otherwise (yes + 1) / (n + 2) for a class with only
    yes or no.
    """
    n = weights.sum(0)[:, None]
    yes = weights.T @ targets
    if exclusive:
        seen = yes > 0
        return seen, torch.where(seen, 0, 1 / (n + targets.shape[1]))
    seen = (yes > 0) & (weights.T @ (1 - targets) > 0)
    return seen, torch.where(seen, 0, (yes + 1) / (n + 2))
