"""Pretrained models as people have them on disk, but tiny: made from a configuration, with weights drawn by seed."""

import json
from pathlib import Path

import pytest
import torch

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a my card was lost found in the post ##ed ##ing refund . ! much longer text"
NEEDED = {"transformer": "bert", "transformer_image": "vit", "timm_image": "timm"}  # what a conformance test gives


def make(kind: str, folder: Path) -> Path:
    """A tiny model of this kind, in a folder of this name. Skips where its library is missing."""
    path = folder / kind
    if not path.exists():
        torch.manual_seed(5)
        MAKERS[kind](path)
    return path


def bert(path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `hub` is not installed")
    words = WORDS.split()
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=40,
    )
    transformers.BertModel(config).save_pretrained(path)
    (path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizer({word: i for i, word in enumerate(words)}).save_pretrained(path)


def roberta(path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `hub` is not installed")
    bert(path)
    config = transformers.RobertaConfig(
        vocab_size=len(WORDS.split()),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=20,
        pad_token_id=1,
    )
    transformers.RobertaModel(config).save_pretrained(path)


def vit(path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `hub` is not installed")
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, image_size=32, patch_size=8
    )
    transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(path)
    preprocess(path)


def convnet(path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `hub` is not installed")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 24], depths=[1, 1], layer_type="basic", num_channels=3
    )
    transformers.ResNetModel(config).save_pretrained(path)
    preprocess(path)


def clip(path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `hub` is not installed")
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    config = transformers.CLIPConfig(
        text_config={**sizes, "vocab_size": 30}, vision_config={**sizes, "image_size": 32, "patch_size": 8}
    )
    transformers.CLIPModel(config).save_pretrained(path)
    preprocess(path)


def preprocess(path: Path) -> None:
    told = {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (path / "preprocessor_config.json").write_text(json.dumps(told), encoding="utf-8")


def timm(path: Path, name: str = "test_vit") -> None:
    library = pytest.importorskip("timm", reason="the extra `timm` is not installed")
    from timm.models import save_for_hf

    save_for_hf(library.create_model(name, pretrained=False, num_classes=0), path, safe_serialization=True)


def timm_convnet(path: Path) -> None:
    timm(path, "test_resnet")


MAKERS = {
    "bert": bert,
    "roberta": roberta,
    "vit": vit,
    "convnet": convnet,
    "clip": clip,
    "timm": timm,
    "timm_convnet": timm_convnet,
}
