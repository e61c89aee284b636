"""Pictures as arrays: decoded the same way by every image encoder."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps


def rgb(content: bytes, side: int) -> npt.NDArray[np.uint8]:
    """The picture in [side, side, 3]: turned as its EXIF says, on white where it is transparent, squeezed to
    a square.

    Squeezed and not cropped, since what an annotator asks about may stand at the edge.
    """
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (side * 2, side * 2))  # a JPEG decodes at a fraction of its size, several times faster
        turned = ImageOps.exif_transpose(image)
        if turned.mode.startswith("I") or turned.mode == "F":  # 16 bits and more: Pillow would clip at 255
            turned = _eight_bits(turned)
        if turned.has_transparency_data:
            layer = turned.convert("RGBA")
            turned = Image.new("RGBA", layer.size, "white")
            turned.alpha_composite(layer)
        small = turned.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
        return np.asarray(small, np.uint8)


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, np.float64))
    low, high = values.min(), values.max()
    scaled = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(scaled.astype(np.uint8))


def batch(
    contents: Sequence[bytes], side: int, mean: npt.NDArray[np.float32], deviation: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Pictures [n, 3, side, side] as a network was trained to see them: (x − mean) / deviation of each channel."""
    pictures = np.stack([rgb(content, side) for content in contents])
    scaled = (pictures.astype(np.float32) - mean) / deviation
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def scale_of(told: dict[str, Any], side: int | None) -> tuple[int, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Side, mean and deviation for `batch`, of a `preprocessor_config.json`; `side` where it names no size.

    What it names is scaled by `rescale_factor`, then normalised; each may be switched off.
    """
    for size in (told.get("crop_size"), told.get("size")):
        if isinstance(size, dict):
            size = size.get("height") or size.get("shortest_edge")
        if isinstance(size, int):
            side = size
            break
    step = float(told.get("rescale_factor") or 1 / 255) if told.get("do_rescale", True) else 1.0
    is_normal = told.get("do_normalize", True) and told.get("image_mean") and told.get("image_std")
    mean = np.asarray(told["image_mean"] if is_normal else [0.0] * 3, np.float32)
    deviation = np.asarray(told["image_std"] if is_normal else [1.0] * 3, np.float32)
    return side or 224, mean / np.float32(step), deviation / np.float32(step)
