"""How strong the L2 penalty of a logistic regression should be, chosen on folds."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from app.core.data import FloatArray, IntArray
from app.core.learners._balance import balanced
from app.core.learners._logistic import Rows, fit
from app.core.learners._outputs import Outputs, grouped, kept, of_own_model

GRID = (0.1, 0.03, 0.01, 0.004, 0.0015, 0.0005)
MIDDLE = 0.004
Found = dict[float, tuple[FloatArray, Tensor]]  # strength → losses of the rows, weights
FLOOR = 0.01  # of a probability: one row that is wrong for certain must not decide


def choose(
    rows: Rows, balance: float, folds: IntArray, n_folds: int, unit: float, iterations: int
) -> tuple[float, Tensor]:
    """The strength of GRID whose out-of-fold log loss is lowest, at the temperature that suits it best; and the weights
    [d, groups, K] of the models of that strength, each without a group of folds, from which fold models may start.

    λ = strength · unit; rows with the weights as given. Of strengths that are as good within the standard error of the
    difference it is the one nearest to MIDDLE, for with few rows the lowest loss is luck. From strong to weak, each fit
    starting from the last, until the loss has grown again.
    """
    groups, n_groups = grouped(folds, n_folds)
    weights = rows.weights[:, -1:] * kept(groups, n_groups)[:, :n_groups]
    outputs = Outputs.of(rows.targets, weights, rows.exclusive)
    weights = balanced(weights, rows.targets, balance) if rows.exclusive else weights
    models = replace(rows, weights=weights, seen=outputs.seen)
    W = torch.zeros(rows.design.shape[1], n_groups, rows.targets.shape[1])
    found: Found = {}
    best = GRID[0]
    for strength in GRID:
        W = fit(models, torch.full((n_groups,), strength * unit), W, iterations)
        found[strength] = _losses(rows, W, groups, outputs), W
        if found[strength][0].mean() <= found[best][0].mean():
            best = strength
        elif strength <= MIDDLE:
            break
    chosen = _nearest_as_good(found, best)
    return chosen, found[chosen][1]


def _nearest_as_good(found: Found, best: float) -> float:
    """From MIDDLE towards the best the first strength that is no worse than the standard error of the difference."""
    way = GRID[GRID.index(MIDDLE) :] if best <= MIDDLE else GRID[GRID.index(MIDDLE) :: -1]
    for strength in way:
        loss = found[strength][0] - found[best][0]
        if loss.mean() <= loss.std() / np.sqrt(len(loss)):
            return strength
    return best


def _losses(rows: Rows, W: Tensor, groups: IntArray, outputs: Outputs) -> FloatArray:
    """Log loss of each row by the model without its group."""
    z = of_own_model((rows.design @ W.flatten(1)).view(-1, *W.shape[1:]), groups)
    targets = rows.targets.numpy()
    outputs.calibrate(z, targets, groups, None)
    p = np.clip(outputs.probabilities(z, groups), FLOOR, 1 if rows.exclusive else 1 - FLOOR)
    losses = -targets * np.log(p)
    if not rows.exclusive:
        losses -= (1 - targets) * np.log1p(-p)
    return np.asarray(losses.sum(axis=1) * rows.weights[:, -1].numpy())
