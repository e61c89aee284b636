"""Pictures as arrays: decoded the same way by every image encoder."""

import io

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
