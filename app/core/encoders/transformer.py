"""The encoder `transformer`: texts by any pretrained transformer, from a folder or a hub."""

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
from app.core.encoders import Encoder, _lengths, _weights

TOKENS = 1024  # word pieces at a time, padding included


@dataclass(frozen=True)
class Transformer(Encoder):
    """Texts by a pretrained transformer of your choice, from a folder or a hub, read by the package transformers.

    The last layer's word pieces, their mean or the first one, of unit length. Code that comes with a model is not run,
    and nothing is fetched but a model of a hub that is named.
    """

    modality: ClassVar[str] = "text"
    rung: ClassVar[int] = 2
    similarity: ClassVar[float] = 0.99
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("model",)

    model: str = field(default="", metadata={"help": "A folder on the worker's machine, or a model's name on the hub"})
    pooling: str = field(
        default="mean", metadata={"help": "mean of the word pieces, or cls: the first one", "choices": ("mean", "cls")}
    )
    tokens: int = field(
        default=256, metadata={"help": "Word pieces read of a text, as far as the model can", "low": 2, "high": 8192}
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
        """Unit vectors [n, d]; zero for a text without any word piece. Raises NoWeightsError."""
        path = _weights.folder(self.model)
        network, tokenizer, longest = _model(path, _weights.digest(path))
        most = max(3, min(self.tokens, longest))
        told = tokenizer(list(contents), truncation=True, max_length=most, padding=False) if contents else {}
        ids: list[list[int]] = told.get("input_ids", [])
        features = np.zeros((len(ids), int(network.config.hidden_size)), np.float32)
        for batch in _lengths.batches([len(one) for one in ids], devices.batch(TOKENS)):
            kept = [place for place in batch if ids[place]]
            if kept:
                with devices.mixed():
                    features[kept] = self._embed(network, [ids[place] for place in kept]).cpu().numpy()
        return features

    @torch.inference_mode()
    def _embed(self, network: Any, batch: list[list[int]]) -> Tensor:
        longest = max(map(len, batch))
        ids = torch.tensor([one + [0] * (longest - len(one)) for one in batch], device=network.device)
        mask = torch.arange(longest) < torch.tensor([len(one) for one in batch])[:, None]
        mask = mask.to(network.device)
        x = network(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        share = mask.float() / mask.sum(1, keepdim=True)
        pooled = x[:, 0] if self.pooling == "cls" else torch.einsum("btd,bt->bd", x, share)
        return functional.normalize(pooled.float(), dim=1)


@lru_cache(maxsize=1)
def _model(path: Path, digest: str) -> tuple[Any, Any, int]:  # noqa: ARG001 - files that changed are read again
    """The network, its tokenizer, and how many word pieces it can read."""
    library = _weights.imported("transformers", "hub")
    network = _weights.loaded(library, path, needless="pooler")
    if network.config.is_encoder_decoder:
        network = network.get_encoder()
    tokenizer = library.AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    places = getattr(network.config, "max_position_embeddings", None) or 10**6
    table: Any = getattr(getattr(network, "embeddings", None), "position_embeddings", None)
    if getattr(table, "padding_idx", None) is not None:
        places -= table.padding_idx + 1  # RoBERTa and its kin count places from there; beyond the table they crash
    return network.to(devices.device()), tokenizer, int(min(places, tokenizer.model_max_length))
