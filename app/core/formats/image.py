"""The format `image`: one picture, one item."""

from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

from app.core.formats import Bad, Columns, Format, Limits, Row
from app.core.formats._images import WANTED, looks_like_one


class Image(Format):
    """A single image file: PNG, JPEG, GIF, WebP or BMP."""

    title: ClassVar[str] = "Image"
    suffix: ClassVar[str] = ".png"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".gif", ".webp", ".bmp")
    media_type: ClassVar[str] = "image/png"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = False

    def read(self, stream: BinaryIO, limits: Limits) -> Iterator[Row | Bad]:
        """One row {"image": bytes, "folders": ()}; its name is the caller's to know."""
        stream.seek(0)
        data = stream.read(limits.file_bytes + 1)
        if len(data) > limits.file_bytes:
            yield Bad({"name": ""}, f"It is larger than {limits.file_bytes:,} bytes.")
        elif not looks_like_one(data[:12]):
            yield Bad({"name": ""}, f"It is not an image that can be shown: {WANTED} is wanted.")
        else:
            yield Row({"name": ""}, {"image": data, "folders": ()})

    def write(self, rows: Iterator[dict[str, Any]], stream: BinaryIO, columns: Columns | None = None) -> None:
        """Not possible: an image holds no rows."""
        raise NotImplementedError("an image holds no rows")
