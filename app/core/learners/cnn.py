"""The learner `cnn`: a small convolutional network, from scratch, on features that are pixels."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner, State
from app.core.learners._balance import balanced
from app.core.learners._convolution import Network, layout, operations
from app.core.learners._heads import Training, dropped, looks
from app.core.learners._outputs import GROUPS, Outputs, grouped, kept

BLOCK = 2048  # rows that are scored at a time: a hidden layer of pictures is larger than they are


@dataclass
class CNN(Learner):
    """A small convolutional network on raw pixels: for pictures unlike photographs, and the encoder `pixels`.

    A row holds a picture, row by row and pixel by pixel, and may hold further numbers after it; its shape is told by
    `side` and `channels` or found out from the row's length (see `layout`). Rows that are no picture get a network
    without convolutions. LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition",
    Proc. IEEE 1998. Draws are by dropout masks of the hidden layer. Fold models leave out a fifth of the rows; with
    them a fit takes six times as long.
    """

    side: int = field(
        default=0,
        metadata={"help": "Pixels on a side of a picture; 0: found out from the features", "low": 0, "high": 512},
    )
    channels: int = field(
        default=0, metadata={"help": "Numbers of a pixel: 1 grey, 3 colour; 0: found out", "low": 0, "high": 64}
    )
    hidden: int = field(default=128, metadata={"help": "Width of the hidden layer", "low": 1, "high": 4096})
    dropout: float = field(
        default=0.5, metadata={"help": "Share of hidden units left out at a step, below 1", "low": 0, "high": 0.95}
    )
    steps: int = field(
        default=400, metadata={"help": "Steps of training; ten passes over the rows at least", "low": 1, "high": 100000}
    )
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
        rng: np.random.Generator,
        folds: IntArray,
        n_folds: int,
        uniform: BoolArray | None = None,
        warm: State | None = None,
    ) -> None:
        """Train anew, one network after another; of `warm` only the temperature is used."""
        x, t = torch.from_numpy(np.array(X, np.float32)), torch.from_numpy(np.array(targets, np.float32))
        self._shape = layout(x.shape[1], self.side, self.channels)
        self._centre = x.mean(0)
        self._scale = self._part_scales(x - self._centre)
        x = self._scaled(x)
        model, groups = grouped(folds, n_folds)
        w = torch.from_numpy(np.array(weights, np.float32))[:, None] * kept(model, groups)
        self._outputs = Outputs.of(t, w, exclusive)
        w = balanced(w, t, self.balance) if exclusive else w
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        z = torch.zeros(len(x) if n_folds else 0, t.shape[1])
        for one in range(groups + 1):  # the whole last
            self._network = Network.of(self._shape, x.shape[1], self.hidden, t.shape[1], generator)
            self._network.fit(x, t, w[:, one], exclusive, self._training(), generator)
            held = torch.from_numpy(np.flatnonzero(model == one)) if n_folds else torch.empty(0, dtype=torch.int64)
            z[held] = self._network.logits(self._hidden(x[held]))
        self._outputs.finish(z, targets, np.asarray(model, np.int64)[: len(z)], uniform, warm)

    def cost(self, rows: int, dimensions: int, classes: int, n_folds: int) -> float:
        """Of one network after another."""
        shape = layout(dimensions, self.side, self.channels)
        each = operations(shape, dimensions, self.hidden, classes)
        return each * looks(rows, self._training()) * (min(n_folds, GROUPS) + 1)

    def predict(self, X: FloatArray) -> FloatArray:
        """Without dropout."""
        return self._outputs.probabilities(self._network.logits(self._embed(X)))

    def _training(self) -> Training:
        return Training(self.steps, passes=10, rate=2e-3, dropout=min(max(self.dropout, 0.0), 0.95))

    def out_of_fold(self) -> FloatArray:
        """Of the training rows."""
        return self._outputs.out_of_fold

    def embed(self, X: FloatArray) -> FloatArray:
        """The hidden layer [n, h]."""
        return np.asarray(self._embed(X).numpy())

    def head(self) -> FloatArray:
        """The output layer."""
        return self._outputs.head(*self._network.parameters[-2:])

    def sample(self, X: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """By k dropout masks, each the same for all rows."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        h = self._embed(X)
        masks = dropped((k, 1, h.shape[1]), min(max(self.dropout, 0.0), 0.95), generator)
        return self._outputs.probabilities(self._network.logits(h * masks))

    @property
    def temperature(self) -> float:
        """What the logits are divided by."""
        return self._outputs.temperature

    def state(self) -> State:
        """The layers, and what goes with them."""
        layers = {f"layer{i}": one.numpy() for i, one in enumerate(self._network.parameters)}
        shape = np.array([self._shape.side, self._shape.channels])
        scaling = {"centre": self._centre.numpy(), "scale": self._scale.numpy()}
        return {"shape": shape, **scaling, **layers, **self._outputs.state()}

    def load(self, state: State) -> None:
        """Predict from a state."""
        self._centre, self._scale = (torch.from_numpy(np.array(state[one], np.float32)) for one in ("centre", "scale"))
        side, channels = (int(one) for one in state["shape"])
        self._shape = layout(len(self._centre), side, channels)
        names = [f"layer{i}" for i in range(sum(name.startswith("layer") for name in state))]
        layers = [torch.from_numpy(np.array(state[name], np.float32)) for name in names]
        self._network, self._outputs = Network(self._shape, layers), Outputs.load(state)

    def _part_scales(self, x: Tensor) -> Tensor:
        """Root mean squares [d], one of all pixels and one of all that are none."""
        pixels = self._shape.pixels
        parts = [part.square().mean().sqrt().expand(part.shape[1]) for part in (x[:, :pixels], x[:, pixels:])]
        return torch.cat([part for part in parts if len(part)]).clamp_min(1e-9)

    def _scaled(self, x: Tensor) -> Tensor:
        return (x - self._centre) / self._scale

    def _embed(self, X: FloatArray) -> Tensor:
        return self._hidden(self._scaled(torch.from_numpy(np.ascontiguousarray(X, np.float32))))

    def _hidden(self, x: Tensor) -> Tensor:
        with torch.inference_mode():
            parts = [self._network.embedded(x[start : start + BLOCK]) for start in range(0, max(1, len(x)), BLOCK)]
            return torch.cat(parts)
