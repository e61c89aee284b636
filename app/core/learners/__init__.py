"""Learners: from features and targets to calibrated probabilities."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from app.core.data import BoolArray, FloatArray, IntArray

State = dict[str, npt.NDArray[np.generic]]


class Learner(ABC):
    """A head on features: n rows, d dimensions, K classes of the project.

    With `exclusive` classes a row of probabilities sums to 1; otherwise each column is a question of its own.
    Classes that no target has seen get a small probability, never 0 and never NaN. Same input, same result.
    """

    @abstractmethod
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
        """Fit to X [n, d] and soft targets [n, K] with weights [n], once whole and once without each of
        n_folds folds. With 0 folds only whole, quickly; the temperature is then that of `warm`.

        `uniform` marks the rows [n] that are a uniform sample of the pool; probabilities are calibrated on
        these first, for the rows that a strategy chose are harder than the pool is; None: all are. `warm` is the
        state of an earlier fit. Its model of fold f was never trained on rows of fold f, and stays so because
        a row's fold never changes while n_folds does not (see fold_of).
        """

    @abstractmethod
    def predict(self, X: FloatArray) -> FloatArray:
        """Calibrated probabilities [n, K]."""

    @abstractmethod
    def out_of_fold(self) -> FloatArray:
        """Calibrated probabilities [n, K] of the training rows, each from the model that was not trained on
        it.
        """

    @abstractmethod
    def state(self) -> State:
        """All that `load` needs to predict, and `fit` to start warm."""

    @abstractmethod
    def load(self, state: State) -> None:
        """Become the learner whose state this was."""

    def cost(self, rows: int, dimensions: int, classes: int, n_folds: int) -> float:
        """Floating-point operations of a fit, roughly: a round that nobody should wait for leaves measuring to later.

        As it stands: of a linear head for the whole and for each fold, in 30 steps of its optimiser.
        """
        return 4.0 * rows * dimensions * classes * (n_folds + 1) * 30

    def embed(self, X: FloatArray) -> FloatArray:
        """What the last layer sees of X [n, d]: [n, h]; X itself for a model without hidden layers."""
        return X

    def head(self) -> FloatArray | None:
        """The last layer [h + 1, K], bias last, divided by the temperature: embed(X) @ head are the calibrated logits.

        None for a learner that has no such layer.
        """
        return None

    def sample(self, X: FloatArray, k: int, rng: np.random.Generator) -> FloatArray | None:  # noqa: ARG002
        """Probabilities [k, n, K] of X by k draws of the model: dropout masks, members, or a posterior's draws.

        One draw is one model for all rows. None for a learner that knows one model only.
        """
        return None

    @property
    def temperature(self) -> float:
        """What the logits are divided by; 1 where nothing was calibrated."""
        return 1.0


def fold_of(rows: IntArray, n_folds: int) -> IntArray:
    """The fold of each row: a hash of its number, so that it is the same in every round and process."""
    mixed = rows.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64's finaliser
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(n_folds)).astype(np.int64)
