"""The eigenvectors that steer the fit of `linear`, of rows that hardly differ."""

import numpy as np
import pytest
import torch

from app.core.encoders.columns import Columns
from app.core.learners._logistic import principal


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """200 rows of two numbers and a colour, as a table's encoder gives them: 24 columns of rank 5."""
    rng = np.random.default_rng(7)
    rows = [
        {"x": x, "y": y, "colour": ("red", "green", "blue")[i % 3]}
        for i, (x, y) in enumerate(rng.normal(size=(200, 2)))
    ]
    encoder = Columns()
    return encoder.encode(rows, encoder.learn(rows))


def some(features: np.ndarray, seed: int) -> torch.Tensor:
    """Up to 60 of the rows, scaled as the learner scales them, with a 1 appended."""
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(features[rng.permutation(200)[: int(rng.integers(2, 60))]])
    return torch.cat([x / x.square().sum(1).mean().sqrt(), torch.ones(len(x), 1)], 1)


def test_rows_of_low_rank_have_eigenvectors_whatever_they_are(features: np.ndarray) -> None:
    for seed in range(3000):
        basis, values = principal(some(features, seed), 32)
        assert torch.isfinite(basis).all()
        assert (values >= 0).all()


def test_the_first_eigenvalues_are_those_of_the_whole_product(features: np.ndarray) -> None:
    rows = some(features, 5)
    basis, values = principal(rows, 32)
    expected = np.linalg.eigvalsh((rows.T @ rows).double().numpy())[::-1]
    assert values.numpy() == pytest.approx(expected[: len(values)], abs=1e-4)
    assert torch.allclose(basis.T @ basis, torch.eye(basis.shape[1]), atol=1e-5)
