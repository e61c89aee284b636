"""Eigen-CAM: which regions of a picture a convolutional network's features come from."""

import numpy as np

from app.core.data import FloatArray


def eigen_cam(activations: FloatArray) -> FloatArray:
    """The map [h, w] in 0 … 1 of a layer's activations [h, w, c].

    L = O V₁, where O [h·w, c] are the activations, place by place, O = U Σ Vᵀ, and V₁ is the first column of V: how
    strong each place is in the direction that the activations share most. It needs no gradient and no class; so it says
    what the network looks at and not for which answer. The sign of V₁ is free: the strongest place is positive here;
    what is negative is 0. Muhammad & Yeasin, "Eigen-CAM: class activation map using principal components", IJCNN 2020.
    """
    height, width, channels = activations.shape
    flat = np.asarray(activations, np.float64).reshape(height * width, channels)
    _, _, directions = np.linalg.svd(flat, full_matrices=False)
    found = flat @ directions[0]
    if found[np.abs(found).argmax()] < 0:
        found = -found
    highest = float(found.max(initial=0.0))
    return np.asarray(np.maximum(found, 0) / highest if highest > 0 else np.zeros_like(found)).reshape(height, width)
