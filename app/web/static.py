"""Static files: their addresses, which change with their content, and the route that serves them.

An address is `/static/<digest of the whole tree>/<path>`. One digest for the tree, not one a file: ES modules and
CSS name each other by relative paths, and so inherit it; a file can then be kept by browsers for ever.
"""

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import FileResponse

from app.errors import NotFound

FOLDER = Path(__file__).parents[2] / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@lru_cache(maxsize=1)
def files() -> dict[str, Path]:
    """Every file that may be served, by its path in the folder: an allow list, so that no name leads out of it."""
    found = (path for path in sorted(FOLDER.rglob("*")) if path.suffix in TYPES and path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path for path in found}


@lru_cache(maxsize=1)
def digest() -> str:
    """Twelve hexadecimal digits of the SHA-256 over every file's name and content."""
    tree = sha256()
    for name, path in files().items():
        tree.update(f"{name}\0{path.stat().st_size}\0".encode())
        tree.update(path.read_bytes())
    return tree.hexdigest()[:12]


def static(name: str) -> str:
    """The address of a static file. Raises KeyError where there is none: a broken link must not reach a page."""
    if name not in files():
        raise KeyError(f"static/{name} does not exist")
    return f"/static/{digest()}/{name}"


@lru_cache(maxsize=256)
def squeezed(name: str, at: float) -> bytes:  # noqa: ARG001 - a file that was changed meanwhile is read anew
    """A text file of the tree by gzip."""
    return gzip.compress(files()[name].read_bytes(), mtime=0)


@router.get("/static/{version}/{name:path}")
def serve(version: str, name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """A file of the tree; only an address with the present digest may be kept for ever.

    Texts by gzip: these files are the same for all and hold no secrets, which answers that mix both must not be.
    """
    path = files().get(name)
    if path is None:
        raise NotFound
    headers = {"Cache-Control": FOR_EVER if version == digest() else "no-cache", "Vary": "Accept-Encoding"}
    if path.suffix == ".png" or "gzip" not in accept_encoding:
        return FileResponse(path, media_type=TYPES[path.suffix], headers=headers)
    body = squeezed(name, path.stat().st_mtime)
    return Response(body, media_type=TYPES[path.suffix], headers={**headers, "Content-Encoding": "gzip"})


@router.get("/favicon.ico")
def favicon() -> Response:
    """The mark, for browsers that ask without reading the page's link."""
    path = files()["mark.svg"]
    return FileResponse(path, media_type=TYPES[".svg"], headers={"Cache-Control": "public, max-age=86400"})
