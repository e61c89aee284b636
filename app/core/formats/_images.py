"""Images as they come from strangers: recognised by their bytes, and decoded whole before anybody trusts them."""

from dataclasses import dataclass
from io import BytesIO

# What every browser shows. A photograph with a depth map calls itself MPO, and is a JPEG to everybody else.
MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}
WANTED = "PNG, JPEG, GIF, WebP or BMP"
_ORIENTATION = 274
_SIDEWAYS = (5, 6, 7, 8)


class NotAnImage(ValueError):
    """Bytes that are no image we take; the message is a sentence for people."""


@dataclass(frozen=True)
class Picture:
    """What is known of an image that was decoded; width and height as it is shown, its orientation respected."""

    media_type: str
    width: int
    height: int


def looks_like_one(head: bytes) -> bool:
    """Whether the first 12 bytes are those of a format that we take."""
    return head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")) or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    )


def examine(data: bytes, limit_pixels: int) -> Picture:
    """Decode an image to its last pixel. Raises NotAnImage; too large a one is refused before it is decoded."""
    from PIL import Image, UnidentifiedImageError

    kinds = [name for name in MEDIA_TYPES if name != "MPO"]  # Pillow's JPEG reader finds those by itself
    try:
        with Image.open(BytesIO(data), formats=kinds) as image:
            if image.width * image.height > limit_pixels:
                raise NotAnImage(f"It has {image.width} × {image.height} pixels; {limit_pixels:,} are allowed.")
            image.verify()  # checksums, which loading passes over
        with Image.open(BytesIO(data), formats=kinds) as image:
            image.load()
            sideways = image.getexif().get(_ORIENTATION) in _SIDEWAYS
            width, height = (image.height, image.width) if sideways else image.size
            return Picture(MEDIA_TYPES[image.format or ""], width, height)
    except NotAnImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotAnImage("It has far too many pixels.") from error
    except UnidentifiedImageError as error:
        raise NotAnImage(f"It is not an image that can be shown: {WANTED} is wanted.") from error
    except Exception as error:  # whatever a decoder raises on broken bytes: OSError, SyntaxError, struct.error, …
        raise NotAnImage(f"The image is broken or cut off: {str(error)[:200]}.") from error
