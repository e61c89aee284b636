"""Batched L-BFGS for objectives that are linear in their logits: several independent problems in one pass."""

from typing import Protocol

import torch
from torch import Tensor

MEMORY = 4
TOLERANCE = 1e-4

History = list[tuple[Tensor, Tensor, Tensor]]


class Objective(Protocol):
    """Σ data(Z_p) + strength_p/2 ‖W_p‖² of each problem p, with Z [n, p, k] linear in W [d, p, k]."""

    @property
    def strength(self) -> Tensor:
        """λ [p]."""

    def logits(self, W: Tensor) -> Tensor:
        """Z of W; linear."""

    def value(self, Z: Tensor) -> tuple[Tensor, Tensor]:
        """The data's part of the loss [p], and its derivative by Z [n, p, k]."""

    def gradient(self, by_logits: Tensor) -> Tensor:
        """The derivative by W of what has this derivative by Z."""

    def solve(self, q: Tensor) -> Tensor:
        """H⁻¹ q for a fixed positive definite H like the Hessian; up to a factor."""


def minimise(objective: Objective, start: Tensor, iterations: int) -> Tensor:
    """W after at most so many steps, or when no problem gains more than 1e-4 of the mean loss in two steps running.

    Liu & Nocedal, "On the limited memory BFGS method for large scale optimization", 1989, with γ H⁻¹ in place of their
    γ I. Since logits are linear, a step of any length along a direction costs no further product with the features:
    Z + α · Z(direction).
    """
    W, Z, loss, by_logits = _better_start(objective, start)
    gradient = objective.gradient(by_logits).add_(objective.strength[:, None] * W)
    history: History = []
    calm = 0
    for _ in range(iterations):
        direction = _direction(objective, gradient, history)
        along = objective.logits(direction)
        length, new_loss, by_logits = _line_search(objective, W, Z, loss, direction, along, gradient)
        step = direction.mul_(length[:, None])
        W, Z = W + step, Z.addcmul_(along, length[:, None])
        new_gradient = objective.gradient(by_logits).add_(objective.strength[:, None] * W)
        change = new_gradient - gradient
        curvature = _dot(step, change)
        history = [*history, (step, change, torch.where(curvature > 1e-12, 1 / curvature, 0.0))][-MEMORY:]
        calm = calm + 1 if bool((loss - new_loss <= TOLERANCE * new_loss.mean()).all()) else 0
        gradient, loss = new_gradient, new_loss
        if calm == 2:
            break
    return W


def _better_start(objective: Objective, start: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For each problem the given start or zero, whichever is lower: features may have changed their meaning."""
    Z = objective.logits(start)
    value, by_logits = objective.value(Z)
    loss = value + objective.strength / 2 * _dot(start, start)
    zero, by_logits_at_zero = objective.value(torch.zeros_like(Z))
    keep = torch.isfinite(loss) & (loss < zero)
    return (
        torch.where(keep[:, None], start, 0.0),
        torch.where(keep[:, None], Z, 0.0),
        torch.where(keep, loss, zero),
        torch.where(keep[:, None], by_logits, by_logits_at_zero),
    )


def _direction(objective: Objective, gradient: Tensor, history: History) -> Tensor:
    """−(approximate Hessian)⁻¹ · gradient by the two-loop recursion, for each problem on its own."""
    q = gradient.clone()
    alphas = []
    for step, change, inverse in reversed(history):
        alpha = inverse * _dot(step, q)
        alphas.append(alpha)
        q.addcmul_(change, alpha[:, None], value=-1)
    q = objective.solve(q)
    if history:
        step, change, inverse = history[-1]
        size = torch.where(inverse > 0, 1 / (inverse * _dot(change, objective.solve(change))), 1.0)
        q.mul_(torch.nan_to_num(size, nan=1.0, posinf=1.0)[:, None])
    for (step, change, inverse), alpha in zip(history, reversed(alphas), strict=True):
        q.addcmul_(step, (alpha - inverse * _dot(change, q))[:, None])
    return q.neg_()


def _line_search(
    objective: Objective, W: Tensor, Z: Tensor, loss: Tensor, direction: Tensor, along: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Step lengths [p] that fulfil Armijo's condition, by halving from 1, 0 where none does; the loss there, and its
    derivative by the logits.
    """
    slope, half = _dot(gradient, direction), objective.strength / 2
    ww, wd, dd = _dot(W, W), _dot(W, direction), _dot(direction, direction)
    length = torch.ones_like(loss)
    for attempt in range(13):
        value, by_logits = objective.value(Z + along * length[:, None])
        value = value + half * (ww + 2 * length * wd + length**2 * dd)
        good = value <= loss + 1e-4 * length * slope
        if attempt == 12 or bool(good.all()):
            break
        length = torch.where(good, length, 0.0 if attempt == 11 else length / 2)
    return length, value, by_logits


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((0, 2))
