"""Receiving a file: the body in pieces, bounded, and the file in a form."""

from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.errors import BadInput, TooLarge
from app.settings import current


async def file_part(request: Request) -> UploadFile:
    """The part `file` of a form; it lies on disk when it is large. Raises BadInput, TooLarge."""
    try:
        form = await MultiPartParser(request.headers, pieces(request), max_files=1, max_fields=20).parse()
    except (MultiPartException, KeyError) as error:
        raise BadInput("The form cannot be read; choose a file and send it again.") from error
    part = form.get("file")
    if not isinstance(part, UploadFile) or not part.filename:
        await form.close()  # a file under another name lies on the disk by now
        raise BadInput("There is no file in a part named `file`.", [{"field": "file", "error": "missing"}])
    return part


async def pieces(request: Request) -> AsyncGenerator[bytes, None]:
    """The body's pieces, refused as soon as they are too many, whatever the headers had promised."""
    limit, read = current().upload_limit_bytes, 0
    async for piece in request.stream():
        read += len(piece)
        if read > limit:
            raise TooLarge(f"An upload may have {limit:,} bytes at most.")
        yield piece
