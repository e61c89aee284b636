"""A small convolutional network: where the pixels of a row are, its layers, and its training."""

from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional

from app.core.learners._heads import Parameters, Training, dropped, train

WIDTHS = (16, 32, 64)  # of the convolutions; two up to 16 pixels, else three
COLOURS = 64  # what the encoder `pixels` says beside the pixels
SMALLEST = 4  # pixels on a side; a smaller picture has nothing to be moved about


@dataclass(frozen=True)
class Layout:
    """Where the picture is in a row [d]: side² pixels, row by row, `channels` numbers each; all further numbers are no
    pixels. Without a picture the side is 0.
    """

    side: int
    channels: int

    @property
    def pixels(self) -> int:
        """How many numbers of a row are the picture."""
        return self.side**2 * self.channels


def layout(d: int, side: int, channels: int) -> Layout:
    """As told; what is 0 is found out, of rows that are 3 · side² + 64 numbers (the encoder `pixels`), 3 · side² or
    side², in this order. Raises ValueError where the picture told would not fit.
    """
    if side:
        told = Layout(side, channels or (3 if 3 * side**2 <= d else 1))
        if told.pixels > d:
            raise ValueError(f"{d} features hold no picture of {side} × {side} pixels with {told.channels} channels")
        return told
    for depth, more in ((3, COLOURS), (3, 0), (1, 0)):
        found = isqrt(max(0, d - more) // depth)
        if channels in (0, depth) and found >= SMALLEST and depth * found**2 + more == d:
            return Layout(found, depth)
    return Layout(0, 0)


def operations(shape: Layout, d: int, hidden: int, classes: int) -> float:
    """Of one row there and back, six a weight at each place where it is used."""
    inner, side, found = shape.channels, shape.side, 0
    for width in WIDTHS[: _convolutions(side)]:
        found += 9 * inner * width * side**2
        inner, side = width, side // 2 if side > SMALLEST else side
    return 6.0 * (found + (inner * side**2 + d - shape.pixels) * hidden + hidden * classes)


def _convolutions(side: int) -> int:
    return 0 if not side else 2 if side <= 16 else 3


@dataclass(frozen=True)
class Network:
    """Convolutions of 3 × 3 with ReLU, each halved by maxima while more than 4 pixels are left; what is no pixel joins
    before the hidden layer.
    """

    shape: Layout
    parameters: Parameters

    @classmethod
    def of(cls, shape: Layout, d: int, hidden: int, classes: int, generator: torch.Generator) -> "Network":
        """He's normal, the last layer 0."""
        made: Parameters = []
        inner, side = shape.channels, shape.side
        for width in WIDTHS[: _convolutions(side)]:
            spread = (2 / (9 * inner)) ** 0.5
            made += [torch.randn(width, inner, 3, 3, generator=generator) * spread, torch.zeros(width)]
            inner, side = width, side // 2 if side > SMALLEST else side
        flat = inner * side**2 + d - shape.pixels
        made += [torch.randn(flat, hidden, generator=generator) * (2 / flat) ** 0.5, torch.zeros(hidden)]
        return cls(shape, [*made, torch.zeros(hidden, classes), torch.zeros(classes)])

    def embedded(self, x: Tensor) -> Tensor:
        """The hidden layer [n, h] of rows [n, d]."""
        side = self.shape.side
        picture = x[:, : self.shape.pixels].view(len(x), side, side, self.shape.channels).permute(0, 3, 1, 2)
        for kernel, bias in zip(self.parameters[:-4:2], self.parameters[1:-4:2], strict=True):
            picture = functional.relu(functional.conv2d(picture, kernel, bias, padding=1))
            picture = functional.max_pool2d(picture, 2) if picture.shape[2] > SMALLEST else picture
        flat = torch.cat([picture.flatten(1), x[:, self.shape.pixels :]], 1)
        return functional.relu(torch.addmm(self.parameters[-3], flat, self.parameters[-4]))

    def logits(self, h: Tensor) -> Tensor:
        """Z [..., n, K] of hidden layers [..., n, h]."""
        return h @ self.parameters[-2] + self.parameters[-1]

    def fit(
        self, x: Tensor, targets: Tensor, weights: Tensor, exclusive: bool, how: Training, generator: torch.Generator
    ) -> None:
        """Train on the rows with a weight [n]; each step sees the pictures moved by up to a sixteenth of their side."""
        kept = torch.nonzero(weights)[:, 0]
        if not len(kept):
            return
        x, targets, weights = x[kept], targets[kept], weights[kept]

        def forward(rows: Tensor) -> Tensor:
            h = self.embedded(self._moved(x[rows], generator))
            return self.logits(h * dropped(h.shape, how.dropout, generator))[None]

        train(self.parameters, forward, targets, weights[:, None], exclusive, how, generator)

    def _moved(self, x: Tensor, generator: torch.Generator) -> Tensor:
        side, most = self.shape.side, self.shape.side // 16
        if most == 0:
            return x
        picture = x[:, : self.shape.pixels].view(len(x), side, side, -1)
        padded = functional.pad(picture, (0, 0, most, most, most, most))
        down, across = torch.randint(2 * most + 1, (2,), generator=generator).tolist()
        moved = padded[:, down : down + side, across : across + side].flatten(1)
        return torch.cat([moved, x[:, self.shape.pixels :]], 1)
