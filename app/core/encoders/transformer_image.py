"""The encoder `transformer_image`: pictures by a pretrained network of transformers, from a folder or a hub."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from app.core import devices
from app.core.encoders import Encoder, _weights
from app.core.encoders._images import batch, scale_of

BATCH = 16


@dataclass(frozen=True)
class TransformerImage(Encoder):
    """Pictures by a pretrained network of your choice (ViT, DINOv2, CLIP, ConvNeXt), read by the package transformers.

    The last layer's patches or places, their mean or the first one, of unit length. Pictures are squeezed to a square
    and scaled as `preprocessor_config.json` says; no torchvision is needed.
    """

    modality: ClassVar[str] = "image"
    rung: ClassVar[int] = 2
    similarity: ClassVar[float] = 0.99
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("model",)

    model: str = field(default="", metadata={"help": "A folder on the worker's machine, or a model's name on the hub"})
    pooling: str = field(
        default="mean", metadata={"help": "mean of the patches, or cls: the first one", "choices": ("mean", "cls")}
    )

    def __post_init__(self) -> None:
        if self.pooling not in ("mean", "cls"):
            raise ValueError(f"the pooling is mean or cls, not {self.pooling!r}")

    @property
    def dimensions(self) -> int:
        """0: the model tells."""
        return 0

    def weights(self) -> str:
        """A hash of all files that the model is read from. Raises NoWeightsError."""
        return _weights.digest(_weights.folder(self.model))

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Unit vectors [n, d]. Raises NoWeightsError."""
        path = _weights.folder(self.model)
        network, side, mean, deviation = _model(path, _weights.digest(path))
        parts = []
        for start in range(0, len(contents), BATCH):
            pixels = batch(contents[start : start + BATCH], side, mean, deviation)
            with devices.mixed():
                parts.append(self._embed(network, torch.from_numpy(pixels)).cpu().numpy())
        if not parts:  # the network alone knows its width
            return self._embed(network, torch.zeros(1, 3, side, side)).cpu().numpy()[:0]
        return np.concatenate(parts)

    @torch.inference_mode()
    def _embed(self, network: Any, pixels: Tensor) -> Tensor:
        x = network(pixel_values=pixels.to(network.device)).last_hidden_state
        if x.ndim == 4:  # a convolutional network: channels, then places
            x = x.flatten(2).transpose(1, 2)
        pooled = x[:, 0] if self.pooling == "cls" else x.mean(1)
        return functional.normalize(pooled.float(), dim=1)


@lru_cache(maxsize=1)
def _model(path: Path, digest: str) -> tuple[Any, int, Any, Any]:  # noqa: ARG001 - files that changed are read again
    """The network and how its pictures are made: side, mean and deviation of the channels."""
    library = _weights.imported("transformers", "hub")
    network = _weights.loaded(library, path, needless="pooler")
    network = getattr(network, "vision_model", network)  # of CLIP and its kin the half that sees
    told = _weights.settings_of(path, "preprocessor_config.json")
    return network.to(devices.device()), *scale_of(told, getattr(network.config, "image_size", None))
