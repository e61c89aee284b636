"""Encoders that read weights which somebody names: what they compute, and what they say where there are none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from app.core import plugins
from app.core.encoders import Encoder, ladder
from app.core.encoders._images import batch, scale_of
from app.core.encoders._lengths import batches
from app.core.encoders._weights import NoWeightsError
from tests.core.encoders import tiny
from tests.core.test_encoders import noise, picture

TEXTS = ["my card was lost in the post .", "refund !", "", "a much longer text a refund ! " * 30]


def encoder(name: str, model: Path | str, **settings: object) -> Encoder:
    return plugins.make("encoders", {"name": name, "model": str(model), **settings}, Encoder)


def test_texts_are_cut_into_batches_of_one_length_that_hold_so_many_tokens() -> None:
    assert batches([5, 1, 9, 1, 4], tokens=10) == [[1, 3], [4, 0], [2]]  # three padded to 4 would be 12
    assert batches([5, 1, 9, 1, 4], tokens=15) == [[1, 3, 4], [0], [2]]
    assert batches([50, 0], tokens=10) == [[1], [0]]
    assert batches([0] * 5, tokens=3) == [[0, 1, 2], [3, 4]]
    assert batches([], tokens=10) == []


def test_a_text_is_the_mean_of_its_word_pieces(tmp_path: Path) -> None:
    path = tiny.make("bert", tmp_path)
    found = encoder("transformer", path).encode(TEXTS, {})
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModel.from_pretrained(path).eval()
    # [CLS] my card was lost in the post . [SEP], by the places of the words in the vocabulary
    with torch.no_grad():
        pieces = model(input_ids=torch.tensor([[2, 6, 7, 8, 9, 11, 12, 13, 17, 3]])).last_hidden_state[0]
    mean = pieces.mean(0).numpy()
    assert np.allclose(found[0], mean / np.linalg.norm(mean), atol=1e-5)
    first = pieces[0].numpy()
    by_first = encoder("transformer", path, pooling="cls").encode(TEXTS[:1], {})
    assert np.allclose(by_first[0], first / np.linalg.norm(first), atol=1e-5)


def test_a_text_is_cut_where_the_setting_or_the_model_ends(tmp_path: Path) -> None:
    path = tiny.make("bert", tmp_path)
    short = encoder("transformer", path, tokens=5)  # [CLS], three words, [SEP]
    x = short.encode(["my card was lost", "my card was refund", "my card"], {})
    assert np.allclose(x[0], x[1], atol=1e-6)
    assert not np.allclose(x[0], x[2], atol=1e-3)
    # 40 places in BERT's table; 20 in RoBERTa's, of which two are never used
    for kind in ("bert", "roberta"):
        long = encoder("transformer", tiny.make(kind, tmp_path), tokens=512).encode(TEXTS, {})
        assert np.isfinite(long).all()


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="mean or cls"):
        encoder("transformer", "", pooling="sum")


@pytest.mark.parametrize("kind", ["vit", "convnet", "clip"])
def test_pictures_are_read_by_networks_of_several_kinds(tmp_path: Path, kind: str) -> None:
    x = encoder("transformer_image", tiny.make(kind, tmp_path)).encode([noise(1), noise(2), noise(1)], {})
    assert x.shape == (3, 24 if kind == "convnet" else 32)
    assert np.allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
    assert np.allclose(x[0], x[2], atol=1e-6)
    assert not np.allclose(x[0], x[1], atol=1e-4)


def test_a_picture_is_scaled_as_the_model_was_trained() -> None:
    told = {"size": {"shortest_edge": 2}, "image_mean": [0.5, 0.25, 0], "image_std": [0.5, 0.25, 1]}
    side, mean, deviation = scale_of(told, None)
    pixels = batch([picture(colour=(255, 0, 51), size=(4, 4))], side, mean, deviation)
    assert pixels.shape == (1, 3, 2, 2)
    assert np.allclose(pixels[0, :, 0, 0], [1, -1, 0.2], atol=1e-6)
    assert scale_of({"crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 256}}, 32)[0] == 224
    assert scale_of({"size": 96}, 32)[0] == 96
    assert scale_of({}, 32)[0] == 32
    _, mean, deviation = scale_of({**told, "do_rescale": False, "do_normalize": False}, None)
    assert (mean.tolist(), deviation.tolist()) == ([0, 0, 0], [1, 1, 1])


def test_the_fingerprint_is_of_the_weights_and_not_of_where_they_lie(tmp_path: Path) -> None:
    here = tiny.make("bert", tmp_path)
    there = shutil.copytree(here, tmp_path / "elsewhere")
    fingerprint = encoder("transformer", here).fingerprint({})
    assert encoder("transformer", there).fingerprint({}) == fingerprint
    before = encoder("transformer", there).encode(TEXTS, {})
    weights = load_file(there / "model.safetensors")
    weights["embeddings.word_embeddings.weight"] += 1 + torch.arange(32)
    save_file(weights, there / "model.safetensors", metadata={"format": "pt"})
    assert encoder("transformer", there).fingerprint({}) != fingerprint
    assert not np.allclose(encoder("transformer", there).encode(TEXTS, {}), before, atol=1e-3)


def test_weights_are_also_read_from_a_pickle_which_runs_nothing(tmp_path: Path) -> None:
    path = tiny.make("bert", tmp_path)
    expected = encoder("transformer", path).encode(TEXTS, {})
    torch.save(load_file(path / "model.safetensors"), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()
    assert np.allclose(encoder("transformer", path).encode(TEXTS, {}), expected, atol=1e-6)
    witness = tmp_path / "witness"
    torch.save({"weight": Malice(witness)}, path / "pytorch_model.bin")
    with pytest.raises(Exception, match=r"(?i)weights.only|load"):
        encoder("transformer", path).encode(TEXTS, {})
    assert not witness.exists()


class Malice:
    """An object whose unpickling makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["transformer", "transformer_image", "timm_image"])
def test_without_weights_an_encoder_says_what_is_missing(tmp_path: Path, name: str) -> None:
    for model, sentence in (
        ("", "names no model"),
        (tmp_path / "nowhere", "no folder"),
        (tmp_path, "holds no weights"),
        ("~/../:", "no folder"),
    ):
        with pytest.raises(NoWeightsError, match=sentence):
            encoder(name, model).fingerprint({})


def test_a_model_that_lacks_weights_is_refused_and_not_completed_at_random(tmp_path: Path) -> None:
    path = tiny.make("vit", tmp_path)
    weights = load_file(path / "model.safetensors")
    name = next(each for each in weights if each.endswith("layernorm_after.weight"))
    save_file({k: v for k, v in weights.items() if k != name}, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(NoWeightsError, match="lacks weights"):
        encoder("transformer_image", path).encode([noise(1)], {})


def test_a_model_without_its_scaling_is_refused(tmp_path: Path) -> None:
    path = tiny.make("vit", tmp_path)
    (path / "preprocessor_config.json").unlink()
    with pytest.raises(NoWeightsError, match=r"preprocessor_config\.json"):
        encoder("transformer_image", path).encode([noise(1)], {})


def test_a_hubs_model_is_not_fetched_where_the_hub_is_switched_off(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")
    code = (
        "from app.core import plugins\nfrom app.core.encoders import Encoder\n"
        "made = plugins.make('encoders', {'name': 'transformer', 'model': 'someone/some-model'}, Encoder)\n"
        "try: made.fingerprint({})\nexcept ValueError as error: print(type(error).__name__, error)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout.startswith("NoWeightsError There is no folder someone/some-model"), done.stderr
    assert not list(tmp_path.rglob("*.safetensors"))


def test_encoders_that_need_a_setting_are_on_no_ladder() -> None:
    rungs = [one["name"] for modality in ("text", "image", "table") for one in ladder(modality)]
    needy = [one.name for one in plugins.describe("encoders") if one.facts.get("needs")]
    assert set(needy) >= {"timm_image", "transformer", "transformer_image"}
    assert not set(rungs) & set(needy)


@pytest.mark.parametrize("kind", ["timm", "timm_convnet"])
def test_timm_encodes_at_the_networks_own_size_or_another(tmp_path: Path, kind: str) -> None:
    path = tiny.make(kind, tmp_path)
    x = encoder("timm_image", path).encode([noise(1), noise(2)], {})
    assert np.allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
    assert not np.allclose(encoder("timm_image", path, side=64).encode([noise(1)], {})[0], x[0], atol=1e-4)
