"""Batched L-BFGS for objectives that are linear in their logits: several independent models in one pass."""

from typing import Protocol

import torch
from torch import Tensor

MEMORY = 8
TOLERANCE = 1e-4


class Objective(Protocol):
    """Σ data(Z_m) + strength/2 ‖W_m‖² for each model m, with Z linear in W [rows, models, K]."""

    @property
    def strength(self) -> float:
        """λ."""

    def logits(self, W: Tensor) -> Tensor:
        """Z of W; linear."""

    def value(self, Z: Tensor) -> Tensor:
        """The data's part of the loss [models]."""

    def gradient(self, Z: Tensor) -> Tensor:
        """The data's part of the gradient by W."""


def minimise(objective: Objective, start: Tensor, iterations: int) -> Tensor:
    """W after at most so many steps, or when no model gains more than 1e-4 of its loss in two steps running.

    Liu & Nocedal, "On the limited memory BFGS method for large scale optimization", 1989. Since logits are
    linear, a step of any length along a direction costs no further product with the features: Z +
    α·Z(direction).
    """
    W, Z, loss = _better_start(objective, start)
    gradient = objective.gradient(Z) + objective.strength * W
    memory: list[tuple[Tensor, Tensor, Tensor]] = []
    calm = 0
    for _ in range(iterations):
        direction = _direction(gradient, memory)
        along = objective.logits(direction)
        length, new_loss = _line_search(objective, W, Z, loss, direction, along, gradient)
        step = direction * length[:, None]
        W, Z = W + step, Z + along * length[:, None]
        new_gradient = objective.gradient(Z) + objective.strength * W
        change = new_gradient - gradient
        curvature = _dot(step, change)
        memory = [*memory, (step, change, torch.where(curvature > 1e-12, 1 / curvature, 0.0))][-MEMORY:]
        calm = calm + 1 if bool((loss - new_loss <= TOLERANCE * loss).all()) else 0
        gradient, loss = new_gradient, new_loss
        if calm == 2:
            break
    return W


def _better_start(objective: Objective, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each model the given start or zero, whichever is lower: features may have changed their meaning."""
    Z = objective.logits(start)
    loss = objective.value(Z) + objective.strength / 2 * _dot(start, start)
    zero = objective.value(torch.zeros_like(Z))
    keep = torch.isfinite(loss) & (loss < zero)
    return (
        torch.where(keep[:, None], start, 0.0),
        torch.where(keep[:, None], Z, 0.0),
        torch.where(keep, loss, zero),
    )


def _direction(gradient: Tensor, memory: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """−H·gradient by the two-loop recursion, for each model on its own."""
    q = gradient.clone()
    alphas = []
    for step, change, inverse in reversed(memory):
        alpha = inverse * _dot(step, q)
        alphas.append(alpha)
        q -= alpha[:, None] * change
    if memory:
        step, change, inverse = memory[-1]
        size = torch.where(inverse > 0, 1 / (inverse * _dot(change, change)), 1.0)
    else:
        size = 1 / _dot(gradient, gradient).sqrt().clamp_min(1e-12)
    q *= torch.nan_to_num(size, nan=1.0, posinf=1.0)[:, None]
    for (step, change, inverse), alpha in zip(memory, reversed(alphas), strict=True):
        q += (alpha - inverse * _dot(change, q))[:, None] * step
    return -q


def _line_search(
    objective: Objective, W: Tensor, Z: Tensor, loss: Tensor, direction: Tensor, along: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor]:
    """Step lengths [models] that fulfil Armijo's condition, by halving from 1; 0 where none does."""
    slope, half = _dot(gradient, direction), objective.strength / 2
    ww, wd, dd = _dot(W, W), _dot(W, direction), _dot(direction, direction)
    length = torch.ones_like(loss)
    for _ in range(12):
        value = objective.value(Z + along * length[:, None])
        value = value + half * (ww + 2 * length * wd + length**2 * dd)
        good = value <= loss + 1e-4 * length * slope
        if bool(good.all()):
            return length, value
        length = torch.where(good, length, length / 2)
    return torch.where(good, length, 0.0), torch.where(good, value, loss)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((0, 2))
