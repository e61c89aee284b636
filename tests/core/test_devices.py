"""The device that is chosen is where every network runs; no tensor of an encoder stays behind on another."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from app.core import devices
from app.core.encoders import efficientnet, minilm
from app.core.learners.linear import Linear


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = list(devices._chosen)
    yield
    devices._chosen[:] = before


def test_auto_takes_a_gpu_where_there_is_one_and_a_name_is_taken_at_its_word() -> None:
    found = devices.use("auto")
    assert found.type == (
        "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    )
    assert devices.use("cpu") == devices.device() == torch.device("cpu")
    assert devices.batch(512) == 512


def test_a_device_that_is_not_there_is_refused_in_a_sentence() -> None:
    for name in ("cuda:77", "no such thing"):
        with pytest.raises(devices.NoDeviceError, match=f"There is no device {name} here"):
            devices.use(name)


def test_no_tensor_of_a_text_encoder_stays_on_another_device() -> None:
    """On torch's device `meta`, which computes nothing, and refuses like a GPU to mix with a processor's tensors."""
    _, weights = minilm.model()
    elsewhere = {name: weight.to("meta") for name, weight in weights.items()}
    made = minilm._embed(elsewhere, [[101, 7, 102], [101, 102]])
    assert (made.device.type, tuple(made.shape)) == ("meta", (2, 384))
    assert devices.batch(1) >= 1


def test_no_tensor_of_a_picture_encoder_stays_on_another_device() -> None:
    elsewhere = {name: weight.to("meta") for name, weight in efficientnet._model().items()}
    made = efficientnet._pooled(elsewhere, torch.zeros(2, 64, 64, 3, dtype=torch.uint8, device="meta"))
    assert (made.device.type, tuple(made.shape)) == ("meta", (2, 512))


def test_models_are_loaded_to_the_device_and_the_pool_is_scored_there() -> None:
    devices.use("meta")
    minilm.model.cache_clear()
    efficientnet._model.cache_clear()
    try:
        assert {weight.device.type for weight in minilm.model()[1].values()} == {"meta"}
        assert {weight.device.type for weight in efficientnet._model().values()} == {"meta"}
    finally:
        minilm.model.cache_clear()
        efficientnet._model.cache_clear()
    learner, rng = Linear(), np.random.default_rng(0)
    x, t = rng.standard_normal((20, 4)), np.eye(2)[np.arange(20) % 2]
    devices.use("cpu")
    learner.fit(x, t, np.ones(20), True, rng, np.zeros(20, np.int64), 0)
    devices.use("meta")
    with pytest.raises(NotImplementedError, match="meta"):  # what was computed there cannot be read
        learner.predict(x)
