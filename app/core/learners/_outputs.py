"""From logits to calibrated probabilities, alike for every learner: what a model cannot tell, and the temperature."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.core.calibration import temperature
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import State

# The logit of a class that exclusive models have not seen, where the others' mean is 0.
UNSEEN = -20.0
# Of folds: a fifth of the rows is left out at a time, however many folds there are.
GROUPS = 5


def kept(folds: IntArray, n_folds: int) -> Tensor:
    """Which rows each model is fitted to [n, n_folds + 1]: all but its fold's; for the whole model, the last, all."""
    models = torch.arange(n_folds + 1)
    return (torch.from_numpy(np.asarray(folds, np.int64))[:, None] != models) | (models == n_folds)


def grouped(folds: IntArray, n_folds: int) -> tuple[IntArray, int]:
    """Folds put together into GROUPS at most, for models that are dear to fit or only guide a choice.

    A model without a group of folds has not seen any fold of it either.
    """
    groups = min(n_folds, GROUPS)
    return (np.asarray(folds) % groups if groups else np.zeros_like(folds)), groups


def of_own_model(z: Tensor, model: IntArray) -> Tensor:
    """From logits [n, models, K] of all models those [n, K] of each row's own: the one that was not trained on it."""
    own = torch.from_numpy(np.asarray(model, np.int64))[:, None, None]
    return z.gather(1, own.expand(-1, 1, z.shape[2]))[:, 0]


@dataclass
class Outputs:
    """What a fit knows beside its weights: seen [models, K], the classes that each model can tell, prior [models, K],
    the probability of those it cannot, and the temperature.

    With exclusive classes the unseen U of K share the probability N₁/n, where N₁ classes were seen just once: how often
    the next item is of a new class (Good, "The population frequencies of species", Biometrika 1953); at least
    U / (n + K), as if each class was seen once more, and at most U / K. Otherwise a class with only yes or only no gets
    (yes + 1) / (n + 2).
    """

    exclusive: bool
    seen: Tensor
    prior: Tensor
    temperature: float = 1.0
    out_of_fold: FloatArray = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @classmethod
    def of(cls, targets: Tensor, weights: Tensor, exclusive: bool) -> "Outputs":
        """Of targets [n, K] and the weights [n, models] that each model gives to the rows."""
        n = weights.sum(0)[:, None]
        yes = weights.T @ targets
        if exclusive:
            seen = yes > 0
            unseen = (~seen).sum(1, keepdim=True)
            once = ((yes > 0) & (yes < 1.5)).sum(1, keepdim=True) / n.clamp_min(1)
            new = once.maximum(unseen / (n + seen.shape[1])).minimum(unseen / seen.shape[1])
            return cls(exclusive, seen, torch.where(seen, 0, new / unseen.clamp_min(1)))
        seen = (yes > 0) & (weights.T @ (1 - targets) > 0)
        return cls(exclusive, seen, torch.where(seen, 0, (yes + 1) / (n + 2)))

    def finish(
        self,
        z: Tensor,
        targets: FloatArray,
        model: IntArray,
        uniform: BoolArray | None,
        warm: State | None,
    ) -> None:
        """After a fit: the temperature and the probabilities of out-of-fold logits [n, K] of these models [n]. Without
        folds there are no such logits [0, K], and the temperature is that of an earlier fit.
        """
        if len(z):
            self.calibrate(z, targets, model, uniform)
        else:
            self.temperature = float(warm["temperature"]) if warm and "temperature" in warm else 1.0
        self.out_of_fold = self.probabilities(z, model)

    def calibrate(self, z: Tensor, targets: FloatArray, model: IntArray, uniform: BoolArray | None) -> None:
        """Fit the temperature to out-of-fold logits [n, K] of these models [n]; mostly on the uniform rows, if told."""
        known = torch.where(self.seen[torch.from_numpy(model)], z, float("nan")).numpy()
        self.temperature = temperature(known, np.asarray(targets), self.exclusive, uniform)

    def probabilities(self, z: Tensor, model: IntArray | int = -1) -> FloatArray:
        """Probabilities [..., n, K] of logits, each row of its model [n]; or all of one, as a rule the whole."""
        chosen = torch.from_numpy(model) if isinstance(model, np.ndarray) else model
        seen, prior = self.seen[chosen], self.prior[chosen]
        z = z / self.temperature
        if not self.exclusive:
            return np.asarray(torch.where(seen, z.sigmoid(), prior).numpy())
        if bool(seen.all()):
            return np.asarray(z.softmax(-1).numpy())
        p = torch.where(seen, z, -torch.inf).softmax(-1).nan_to_num(0.0)  # NaN: a fold without any class
        return np.asarray((p * (1 - prior.sum(-1, keepdim=True)) + prior).numpy())

    def head(self, W: Tensor, bias: Tensor) -> FloatArray:
        """The last layer [h + 1, K] of the whole model, from weights [h, K] and bias [K], with the temperature in it.

        What the model cannot tell has no weights, and the bias of its prior; of exclusive classes one that is never the
        best, as the others' logits are moved so that their mean is 0.
        """
        seen, prior = self.seen[-1], self.prior[-1]
        layer = torch.cat([W, bias[None]]) / self.temperature
        if self.exclusive and bool(seen.any()):
            layer -= layer[:, seen].mean(1, keepdim=True)
        unseen = torch.full_like(prior, UNSEEN) if self.exclusive else prior.clamp(1e-6, 1 - 1e-6).logit()
        layer[:-1] *= seen
        layer[-1] = torch.where(seen, layer[-1], unseen)
        return np.asarray(layer.numpy())

    def state(self) -> State:
        """Named arrays."""
        return {
            "seen": self.seen.numpy(),
            "prior": self.prior.numpy(),
            "temperature": np.array(self.temperature),
            "exclusive": np.array(self.exclusive),
        }

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Outputs":
        """From the named arrays of `state`."""
        seen, prior = torch.from_numpy(np.array(state["seen"], bool)), np.array(state["prior"], np.float32)
        return cls(bool(state["exclusive"]), seen, torch.from_numpy(prior), float(state["temperature"]))
