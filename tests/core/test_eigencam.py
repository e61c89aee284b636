"""Eigen-CAM, by hand and on a real network."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.core import plugins
from app.core.eigencam import eigen_cam
from app.core.encoders import Encoder


def test_it_is_the_strength_of_each_place_in_the_shared_direction():
    direction = np.array([0.6, 0, 0.8])
    strengths = np.array([[0.0, 1], [2, 4]])
    assert eigen_cam(strengths[..., None] * direction) == pytest.approx(strengths / 4)
    assert eigen_cam(-strengths[..., None] * direction) == pytest.approx(strengths / 4)  # its sign is free


def test_what_goes_against_the_shared_direction_is_nothing_and_so_is_an_empty_picture():
    assert eigen_cam(np.array([[[3.0, 0]], [[-1, 0]]])) == pytest.approx(np.array([[1.0], [0]]))
    assert not eigen_cam(np.zeros((2, 3, 4))).any()


@pytest.mark.parametrize("corner", [(20, 20), (150, 150)])
def test_the_network_looks_at_the_thing_in_the_picture(corner):
    image = Image.new("RGB", (256, 256), (210, 210, 205))
    x, y = corner
    drawing = ImageDraw.Draw(image)
    drawing.ellipse((x, y, x + 80, y + 80), fill=(190, 60, 30))
    drawing.ellipse((x + 20, y + 20, x + 40, y + 40), fill="white")
    file = io.BytesIO()
    image.save(file, "PNG")
    found = plugins.make("encoders", {"name": "efficientnet"}, Encoder).regions(file.getvalue())
    assert found.shape == (8, 8)
    assert found.max() == 1
    centre = (np.indices(found.shape) * found).sum(axis=(1, 2)) / found.sum() + 0.5
    nearer = np.abs(centre - np.array([y + 40, x + 40]) / 32)
    farther = np.abs(centre - (8 - np.array([y + 40, x + 40]) / 32))
    assert (nearer < farther).all()
