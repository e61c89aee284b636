"""How good features are before there is any label: in how many directions they really spread."""

import numpy as np

from app.core.data import Features, FloatArray, of_items

SAMPLE = 2000  # rows; the rank of d-dimensional features shows on a few times d, and the cost grows with d³
EPSILON = 1e-7


def rankme(features: FloatArray) -> float:
    """The effective rank of features [n, d], from 1 to min(n, d): exp(−Σ_k p_k log p_k), p_k = σ_k / ‖σ‖₁ + ε.

    σ_k: the singular values. 0 for no rows, or nothing but zeros. Garrido et al., "RankMe: assessing the downstream
    performance of pretrained self-supervised representations by their rank", ICML 2023. It compares encoders that see
    the same items; it does not tell how well the directions suit a question.
    """
    x = np.asarray(features, np.float64)
    x = x.T if x.shape[0] < x.shape[1] else x
    # The eigenvalues of the smaller product are the squares σ²: several times quicker than σ itself.
    sigma = np.sqrt(np.maximum(np.linalg.eigvalsh(x.T @ x), 0)) if x.size else np.zeros(1)
    if not sigma.sum() > 0:
        return 0.0
    p = sigma / sigma.sum() + EPSILON
    return float(np.exp(-(p * np.log(p)).sum()))


def sampled(features: Features, rng: np.random.Generator, rows: int = SAMPLE) -> FloatArray:
    """A uniform sample of the rows, all of them where there are no more."""
    if features.rows <= rows:
        return of_items(features, np.arange(features.rows))
    return of_items(features, np.sort(rng.choice(features.rows, rows, replace=False)))
