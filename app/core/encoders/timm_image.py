"""The encoder `timm_image`: pictures by a pretrained network of the package timm, from a folder or a hub."""

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
class TimmImage(Encoder):
    """Pictures by a pretrained network of your choice, read by the package timm, which needs torchvision.

    What the network gives its classifier, of unit length. The folder is one that timm saves and the hub holds:
    `config.json` with the architecture, and the weights.
    """

    modality: ClassVar[str] = "image"
    rung: ClassVar[int] = 2
    similarity: ClassVar[float] = 0.99
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("model",)

    model: str = field(default="", metadata={"help": "A folder on the worker's machine, or a model's name on the hub"})
    side: int = field(default=0, metadata={"help": "Pixels on a side; 0: as it was trained", "low": 0, "high": 2048})

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
        network, side, mean, deviation = _model(path, _weights.digest(path), self.side)
        device = next(network.parameters()).device
        features = np.empty((len(contents), int(network.num_features)), np.float32)
        for start in range(0, len(contents), BATCH):
            pixels = torch.from_numpy(batch(contents[start : start + BATCH], side, mean, deviation))
            with devices.mixed():
                features[start : start + BATCH] = _embed(network, pixels.to(device)).cpu().numpy()
        return features


@lru_cache(maxsize=1)
def _model(path: Path, digest: str, side: int) -> tuple[Any, int, Any, Any]:  # noqa: ARG001 - changed files: read again
    """The network without its classifier, and how its pictures are made: side, mean and deviation."""
    timm = _weights.imported("timm", "timm")
    told = _weights.settings_of(path, "config.json").get("pretrained_cfg", {})
    made = {"model_name": f"local-dir:{path}", "pretrained": True, "num_classes": 0}
    try:
        try:
            network = timm.create_model(**made, **({"img_size": side} if side else {}))
        except TypeError:  # only a network of patches is built for one size and must be told another
            network = timm.create_model(**made)
        seen = {"size": side or told["input_size"][-1], "image_mean": told["mean"], "image_std": told["std"]}
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise _weights.NoWeightsError(f"{path.name} cannot be loaded: {str(error).splitlines()[0][:300]}") from error
    return network.float().eval().requires_grad_(False).to(devices.device()), *scale_of(seen, None)


@torch.inference_mode()
def _embed(network: Any, pixels: Tensor) -> Tensor:
    return functional.normalize(network(pixels).float(), dim=1)
