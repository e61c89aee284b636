"""The learner `mlp`: a small neural network on the features, with dropout."""

from dataclasses import dataclass, field

import numpy as np
import torch

from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner, State
from app.core.learners._committee import Committee
from app.core.learners._heads import Training


@dataclass
class MLP(Learner):
    """A network with one or two hidden layers and dropout: more than a line can tell, for half a second a fit.

    Draws are by dropout masks, each the same for all rows: Gal & Ghahramani, "Dropout as a Bayesian approximation",
    ICML 2016; Kirsch, van Amersfoort & Gal, "BatchBALD", NeurIPS 2019, for why the rows must share them. Fold models
    leave out a fifth of the rows.
    """

    hidden: int = field(default=256, metadata={"help": "Width of a hidden layer", "low": 1, "high": 4096})
    layers: int = field(default=1, metadata={"help": "Hidden layers: 1 or 2", "low": 1, "high": 2})
    dropout: float = field(
        default=0.5, metadata={"help": "Share of hidden units left out at a step, below 1", "low": 0, "high": 0.95}
    )
    steps: int = field(
        default=300,
        metadata={"help": "Steps of training; three passes over the rows at least", "low": 1, "high": 100000},
    )
    balance: float = field(
        default=0.5,
        metadata={
            "help": "How far rare classes weigh more: 0 not at all, 1 until all weigh the same",
            "low": 0,
            "high": 1,
        },
    )

    def __post_init__(self) -> None:
        how = Training(self.steps, dropout=min(max(self.dropout, 0.0), 0.95))
        self._heads = Committee(1, (self.hidden,) * max(1, min(self.layers, 2)), how, self.balance)

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
        """Train anew; of `warm` only the temperature is used."""
        self._heads.fit(X, targets, weights, exclusive, rng, folds, n_folds, uniform, warm)

    def cost(self, rows: int, dimensions: int, classes: int, n_folds: int) -> float:
        """Of all networks that are trained together."""
        return self._heads.cost(rows, dimensions, classes, n_folds)

    def predict(self, X: FloatArray) -> FloatArray:
        """Without dropout."""
        return self._heads.predict(X)

    def out_of_fold(self) -> FloatArray:
        """Of the training rows."""
        return self._heads.outputs.out_of_fold

    def embed(self, X: FloatArray) -> FloatArray:
        """The last hidden layer [n, h]."""
        return self._heads.embed(X)

    def head(self) -> FloatArray:
        """The output layer."""
        return self._heads.head()

    def sample(self, X: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """By k dropout masks."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        with torch.inference_mode():
            masks = self._heads.masks(k, 1, generator)
            drawn = self._heads.outputs.probabilities(self._heads.members_logits(X, masks))
            return drawn if masks else np.repeat(drawn, k, axis=0)

    @property
    def temperature(self) -> float:
        """What the logits are divided by."""
        return self._heads.outputs.temperature

    def state(self) -> State:
        """The layers, and what goes with them."""
        return self._heads.state()

    def load(self, state: State) -> None:
        """Predict from a state."""
        self._heads.load(state)
