"""One or several neural heads as one learner: with those that leave out folds, trained together."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.core import devices
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import State
from app.core.learners._balance import balanced
from app.core.learners._heads import Parameters, Training, dropped, embedded, initial, logits, looks, train
from app.core.learners._outputs import GROUPS, Outputs, grouped, kept, of_own_model


@dataclass
class Committee:
    """`members` heads whose logits are averaged; hidden layers of these widths.

    Features are moved by their mean [d] and divided by one number, so that a dimension's mean square is 1.
    """

    members: int
    hidden: tuple[int, ...]
    how: Training
    balance: float
    parameters: Parameters = field(default_factory=list)

    def fit(
        self,
        X: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        exclusive: bool,
        rng: np.random.Generator,
        folds: IntArray,
        n_folds: int,
        uniform: BoolArray | None,
        warm: State | None,
    ) -> None:
        """See Learner.fit. Every fit starts anew: warm starts generalise worse (Ash & Adams, NeurIPS 2020)."""
        x, t = torch.from_numpy(np.array(X, np.float32)), torch.from_numpy(np.array(targets, np.float32))
        self.centre = x.mean(0)
        self.scale = float((x - self.centre).square().mean().sqrt()) or 1.0
        x = self._scaled(x)
        model, groups = grouped(folds, n_folds)
        w = torch.from_numpy(np.array(weights, np.float32))[:, None] * kept(model, groups)
        self.outputs = Outputs.of(t, w, exclusive)
        w = (balanced(w, t, self.balance) if exclusive else w).repeat_interleave(self.members, 1)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        parameters = initial(w.shape[1], [x.shape[1], *self.hidden, t.shape[1]], generator)

        def forward(rows: Tensor) -> Tensor:
            return logits(parameters, embedded(parameters, x[rows], self.masks(1, len(rows), generator)))

        train(parameters, forward, t, w, exclusive, self.how, generator)
        with torch.inference_mode():
            self.parameters = [one[-self.members :].clone() for one in parameters]
            model = model[: len(x) if n_folds else 0]
            z = logits(parameters, embedded(parameters, x[: len(model)]))
            z = z.view(groups + 1, self.members, *z.shape[1:]).mean(1).transpose(0, 1)
            self.outputs.finish(of_own_model(z, model), targets, model, uniform, warm)

    def cost(self, rows: int, dimensions: int, classes: int, n_folds: int) -> float:
        """See Learner.cost: a row goes there and back through every weight, in 6 operations."""
        widths = (dimensions, *self.hidden, classes)
        weights = sum(one * other for one, other in pairwise(widths))
        return 6.0 * weights * looks(rows, self.how) * self.members * (min(n_folds, GROUPS) + 1)

    def masks(self, models: int, n: int, generator: torch.Generator) -> list[Tensor] | None:
        """A dropout mask [models, n, h] for each hidden layer; None without dropout."""
        if not self.how.dropout:
            return None
        return [dropped((models, n, width), self.how.dropout, generator) for width in self.hidden]

    def members_logits(self, X: FloatArray, masks: list[Tensor] | None = None) -> Tensor:
        """Z [members, n, K]; with masks [k, 1, h] that of the one member under each [k, n, K]."""
        place = devices.device()  # fits are small; it is the pool that is large
        x = self._scaled(torch.from_numpy(np.ascontiguousarray(X, np.float32))).to(place)
        parameters = [one.to(place) for one in self.parameters]
        if masks is not None:
            parameters = [one.expand(len(masks[0]), -1, -1) for one in parameters]
            masks = [one.to(place) for one in masks]
        return logits(parameters, embedded(parameters, x, masks)).cpu()

    def predict(self, X: FloatArray) -> FloatArray:
        """Probabilities [n, K]."""
        with torch.inference_mode():
            return self.outputs.probabilities(self.members_logits(X).mean(0))

    def embed(self, X: FloatArray) -> FloatArray:
        """The last hidden layers of all members, side by side [n, members · h]."""
        with torch.inference_mode():
            h = embedded(self.parameters, self._scaled(torch.from_numpy(np.ascontiguousarray(X, np.float32))))
            return np.asarray(h.transpose(0, 1).flatten(1).numpy())

    def head(self) -> FloatArray:
        """Their last layers, one above the other, so that the members' logits are averaged."""
        with torch.inference_mode():
            return self.outputs.head(self.parameters[-2].flatten(0, 1) / self.members, self.parameters[-1].mean((0, 1)))

    def state(self) -> State:
        """Named arrays; no member of a fold."""
        layers = {f"layer{i}": one.numpy() for i, one in enumerate(self.parameters)}
        return {"centre": self.centre.numpy(), "scale": np.array(self.scale), **layers, **self.outputs.state()}

    def load(self, state: dict[str, Any]) -> None:
        """From the named arrays of `state`."""
        names = [f"layer{i}" for i in range(sum(name.startswith("layer") for name in state))]
        self.parameters = [torch.from_numpy(np.array(state[name], np.float32)) for name in names]
        self.centre, self.scale = torch.from_numpy(np.array(state["centre"], np.float32)), float(state["scale"])
        self.outputs = Outputs.load(state)
        self.members = len(self.parameters[0])

    def _scaled(self, x: Tensor) -> Tensor:
        return (x - self.centre) / self.scale
