"""Many small neural heads on the same rows, trained in one pass of batched products."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Parameters = list[Tensor]


def initial(models: int, widths: list[int], generator: torch.Generator) -> Parameters:
    """Weights [models, in, out] and biases [models, 1, out] of each layer: He's normal, the last layer's 0.

    He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015.
    """
    made: Parameters = []
    for i, (inner, outer) in enumerate(pairwise(widths)):
        spread = 0.0 if i == len(widths) - 2 else (2 / inner) ** 0.5
        made += [torch.randn(models, inner, outer, generator=generator) * spread, torch.zeros(models, 1, outer)]
    return made


def embedded(parameters: Parameters, x: Tensor, masks: list[Tensor] | None = None) -> Tensor:
    """What the last layer sees [models, n, h] of x [n, d]; each hidden layer times its mask, if there are any."""
    h = x.expand(len(parameters[0]), *x.shape)
    for layer in range(len(parameters) // 2 - 1):
        h = functional.relu(torch.baddbmm(parameters[2 * layer + 1], h, parameters[2 * layer]))
        h = h if masks is None else h * masks[layer]
    return h


def logits(parameters: Parameters, h: Tensor) -> Tensor:
    """Z [models, n, K] of the last layer."""
    return torch.baddbmm(parameters[-1], h, parameters[-2])


def train(
    parameters: Parameters,
    forward: Callable[[Tensor], Tensor],
    targets: Tensor,
    weights: Tensor,
    exclusive: bool,
    how: "Training",
    generator: torch.Generator,
) -> None:
    """Change the parameters so that `forward`, from row numbers [b] to logits [models, b, K], fits targets [n, K] with
    weights [n, models], each model on its own.

    AdamW (Loshchilov & Hutter, ICLR 2019) with a step size that falls to 0 along a cosine: the schedule, fixed by the
    number of rows, is what stops early, and no row is kept aside to tell when.
    """
    for one in parameters:
        one.requires_grad_(True)
    optimiser = torch.optim.AdamW(parameters, lr=how.rate, weight_decay=how.decay)
    batches = _batches(len(targets), how, generator)
    scale = weights.sum(0).clamp_min(1e-12) / len(targets)
    for step, rows in enumerate(batches):
        optimiser.param_groups[0]["lr"] = how.rate * 0.5 * (1 + np.cos(np.pi * step / len(batches)))
        loss = (losses(forward(rows), targets[rows], exclusive) * (weights[rows] / scale).T).mean(1).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    for one in parameters:
        one.requires_grad_(False)


def losses(z: Tensor, targets: Tensor, exclusive: bool) -> Tensor:
    """Cross-entropy [models, n] of logits [models, n, K]."""
    if exclusive:
        return -(targets * z.log_softmax(-1)).sum(-1)
    return (functional.softplus(z) - targets * z).sum(-1)


def dropped(shape: tuple[int, ...], dropout: float, generator: torch.Generator) -> Tensor:
    """A mask [models, n, h], 0 or 1 / (1 − dropout); with n = 1 it is the same for all rows."""
    keep = 1 - dropout
    return torch.rand(shape, generator=generator).lt(keep) / keep


def looks(n: int, how: "Training") -> int:
    """How many rows training on n looks at, each as often as it does."""
    size = max(1, min(how.batch, n))
    return size * max(how.steps, -(-how.passes * n // size))


def _batches(n: int, how: "Training", generator: torch.Generator) -> list[Tensor]:
    """Row numbers of each step: one shuffle after another."""
    size = min(how.batch, n)
    steps = looks(n, how) // size
    shuffles = -(-steps * size // n)
    rows = torch.cat([torch.randperm(n, generator=generator) for _ in range(shuffles)])
    return [rows[start : start + size] for start in range(0, steps * size, size)]


@dataclass(frozen=True)
class Training:
    """How heads are trained: so many steps of `batch` rows, and so many passes over all rows at least."""

    steps: int = 300
    passes: int = 3
    batch: int = 64
    rate: float = 3e-3
    decay: float = 0.3
    dropout: float = 0.0
