"""What the tests of the learning core share: real texts, and one thread for torch."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data that is no part of the repository."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("MARGINALIA_TEST_DATA", beside))
    if not (folder / "agnews_7600.csv").exists():
        pytest.skip("the folder of real data is not there; MARGINALIA_TEST_DATA names it")
    return folder


@pytest.fixture(scope="session")
def news(test_data: Path) -> tuple[list[str], np.ndarray]:
    """400 news of four topics and their class indices."""
    with (test_data / "agnews_7600.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = [rows[i] for i in np.random.default_rng(7).permutation(len(rows))[:400]]
    return [row["text"] for row in chosen], np.unique([row["category"] for row in chosen], return_inverse=True)[1]


@pytest.fixture(scope="session")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """600 points around three centres in 16 dimensions, and their class indices; nine in ten can be told apart."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(3, 16))
    classes = rng.integers(3, size=600)
    points = centres[classes] + 1.6 * rng.normal(size=(600, 16))
    return points.astype(np.float32), classes
