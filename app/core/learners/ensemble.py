"""The learner `ensemble`: several small neural networks on the features, which may disagree."""

from dataclasses import dataclass, field

import numpy as np
import torch

from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner, State
from app.core.learners._committee import Committee
from app.core.learners._heads import Training


@dataclass
class Ensemble(Learner):
    """Small networks that differ in where they started: where they disagree, labels are missing.

    Their logits are averaged, and the temperature is fitted to the average. Lakshminarayanan, Pritzel & Blundell,
    "Simple and scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017. All members and those
    that leave out folds, a fifth of the rows each, are trained in one pass.
    """

    members: int = field(default=5, metadata={"help": "Networks", "low": 1, "high": 100})
    hidden: int = field(default=64, metadata={"help": "Width of the hidden layer of each", "low": 1, "high": 4096})
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
        self._heads = Committee(max(1, self.members), (self.hidden,), Training(self.steps), self.balance)

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
        """Of the members' mean logits."""
        return self._heads.predict(X)

    def out_of_fold(self) -> FloatArray:
        """Of the training rows."""
        return self._heads.outputs.out_of_fold

    def embed(self, X: FloatArray) -> FloatArray:
        """The members' hidden layers, side by side [n, members · hidden]."""
        return self._heads.embed(X)

    def head(self) -> FloatArray:
        """The members' output layers, one above the other."""
        return self._heads.head()

    def sample(self, X: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """By members in random order, each again only after all others."""
        turns = -(-k // self._heads.members)
        order = np.concatenate([rng.permutation(self._heads.members) for _ in range(turns)])[:k]
        with torch.inference_mode():
            each = self._heads.outputs.probabilities(self._heads.members_logits(X))
        return np.asarray(each[order])

    @property
    def temperature(self) -> float:
        """What the mean logits are divided by."""
        return self._heads.outputs.temperature

    def state(self) -> State:
        """The layers, and what goes with them."""
        return self._heads.state()

    def load(self, state: State) -> None:
        """Predict from a state."""
        self._heads.load(state)
