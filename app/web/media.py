"""Serving images that strangers uploaded: as images and as nothing else."""

from fastapi.responses import FileResponse

from app.errors import NotFound
from app.store import local_medium

HEADERS = {
    # Named by the hash of its bytes, a medium never changes; only this person's browser may keep it.
    "Cache-Control": "private, max-age=31536000, immutable",
    # Nothing in it runs, should a browser ever take it for a page and not an image.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
_MAGIC = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
}
TYPES = sorted({*_MAGIC.values(), "image/webp"})


def served(sha256: str) -> FileResponse:
    """A medium by its name; what it is its first bytes say. Raises NotFound."""
    try:
        path = local_medium(sha256)
        with path.open("rb") as file:
            head = file.read(12)
    except (ValueError, FileNotFoundError) as error:
        raise NotFound from error
    return FileResponse(path, media_type=_type(head), headers={**HEADERS, "ETag": f'"{sha256}"'})


def _type(head: bytes) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "application/octet-stream")
