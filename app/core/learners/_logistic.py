"""The loss of logistic regression, of many models on the same rows at once, as the optimiser asks for it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.core.learners._lbfgs import minimise

# A logit of what a model must not tell; finite, so that times a weight of 0 it is 0.
NEVER = -1e30
DIRECTIONS = 4  # of the features' largest variance, in which the loss is curved most


@dataclass(frozen=True)
class Rows:
    """What models are fitted to: design [n, d], targets [n, K], weights [n, models], and which classes each can tell
    [models, K].
    """

    design: Tensor
    targets: Tensor
    weights: Tensor
    seen: Tensor
    exclusive: bool


def fit(rows: Rows, strength: Tensor, start: Tensor, iterations: int) -> Tensor:
    """W [d, models, K] that minimises Σ_i w_i H(t_i, p_i) + λ/2 ‖W‖² of each model, λ = strength [models].

    H is the cross-entropy of the softmax for exclusive classes, else of each class's sigmoid. W is 0 for a class that
    no model can tell. The optimum lies in the span of the rows; with fewer rows than dimensions it is looked for there.
    """
    known = rows.seen.any(0)
    if not bool(known.any()):
        return torch.zeros_like(start)
    design, basis = rows.design, None
    if len(design) < design.shape[1] / 2:
        basis, triangle = torch.linalg.qr(design.T)
        design, start = triangle.T.contiguous(), (basis.T @ start.flatten(1)).view(-1, *start.shape[1:])
    W = torch.zeros_like(start)
    shape = (len(start), len(rows.seen), int(known.sum()))
    loss = (_softmax if rows.exclusive else _sigmoid)(rows, design, strength, known)
    found = minimise(loss, start[:, :, known].reshape(len(start), *loss.weights.shape[1:], -1), iterations)
    W[:, :, known] = found.view(shape)
    return W if basis is None else (basis @ W.flatten(1)).view(-1, *W.shape[1:])


def _softmax(rows: Rows, design: Tensor, strength: Tensor, known: Tensor) -> "_Softmax":
    """A problem for each model."""
    targets, seen = rows.targets[:, known], rows.seen[:, known]
    mask = None if bool(seen.all()) else torch.where(seen, 0.0, NEVER)
    share = targets.mean(0)
    curvature = (share * (1 - share)).mean() * rows.weights.mean()
    return _Softmax(design, targets[:, None], rows.weights, strength, *_spectrum(design, curvature, strength), mask)


def _sigmoid(rows: Rows, design: Tensor, strength: Tensor, known: Tensor) -> "_Sigmoid":
    """A problem for each class of each model."""
    targets = rows.targets[:, None, known].expand(-1, len(rows.seen), -1).reshape(len(design), -1, 1)
    weights = (rows.weights[:, :, None] * rows.seen[:, known]).flatten(1)
    strength = strength[:, None].expand(-1, int(known.sum())).flatten()
    share = targets[:, :, 0].mean(0)
    curvature = (share * (1 - share)).clamp_min(1 / len(design)) * rows.weights.mean()
    return _Sigmoid(design, targets, weights, strength, *_spectrum(design, curvature, strength))


def _spectrum(design: Tensor, curvature: Tensor, strength: Tensor) -> tuple[Tensor, Tensor]:
    """The first eigenvectors Q [d, r] of XᵀX, by subspace iteration, and how much flatter the loss is elsewhere [r, p]:
    H⁻¹ is I − Q diag(·) Qᵀ where H = c XᵀX + λ is cut off after r eigenvalues, all others being the smallest of these.
    """
    basis, values = principal(design, DIRECTIONS)
    curved = values[:, None] * curvature + strength
    return basis, 1 - curved[-1] / curved


def principal(rows: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The first eigenvectors [d, r] and eigenvalues [r] of XᵀX of rows X [n, d], by subspace iteration."""
    rank = min(rank, *rows.shape)
    basis = torch.randn(rows.shape[1], rank, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        basis = torch.linalg.qr(rows.T @ (rows @ basis))[0]
    inside = rows @ basis
    # In double precision: of rows of low rank, as a small table's are, the product holds numbers below what float32
    # can scale, and its eigenvalues fail to converge; one round of a hundred ended so.
    values, vectors = torch.linalg.eigh((inside.T @ inside).double())
    return basis @ vectors.flip(1).to(rows.dtype), values.flip(0).clamp_min(0).to(rows.dtype)


@dataclass(frozen=True)
class _Loss:
    """See minimise for what it asks; problems p with k logits each."""

    design: Tensor  # [n, d]
    targets: Tensor  # [n, 1 or p, k]
    weights: Tensor  # [n, p]
    strength: Tensor  # [p]
    steep: Tensor  # [d, r]
    less: Tensor  # [r, p]

    def logits(self, W: Tensor) -> Tensor:
        """Z [n, p, k]."""
        return (self.design @ W.flatten(1)).view(-1, *W.shape[1:])

    def gradient(self, by_logits: Tensor) -> Tensor:
        """The data's part of the gradient [d, p, k]."""
        return (self.design.T @ by_logits.flatten(1)).view(-1, *by_logits.shape[1:])

    def solve(self, q: Tensor) -> Tensor:
        """q less what lies in the steep directions."""
        inside = (self.steep.T @ q.flatten(1)).view(-1, *q.shape[1:]) * self.less[:, :, None]
        return q - (self.steep @ inside.flatten(1)).view_as(q)


@dataclass(frozen=True)
class _Softmax(_Loss):
    mask: Tensor | None = None  # [p, k]

    def value(self, Z: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the softmax, and w (p − t)."""
        logs = (Z if self.mask is None else Z + self.mask).log_softmax(2)
        each = (self.targets * logs).sum(2)
        return -(self.weights * each).sum(0), logs.exp_().sub_(self.targets).mul_(self.weights[:, :, None])


@dataclass(frozen=True)
class _Sigmoid(_Loss):
    def value(self, Z: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the sigmoid, and w (p − t)."""
        each = torch.nn.functional.softplus(Z) - self.targets * Z
        return (self.weights * each[:, :, 0]).sum(0), Z.sigmoid().sub_(self.targets).mul_(self.weights[:, :, None])
