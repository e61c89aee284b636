"""JSON answers, made by orjson: times in ISO 8601 with Z, UUIDs as text."""

import json
from typing import Any

import orjson
from fastapi import Response


def answer(data: Any, status: int = 200, media_type: str = "application/json") -> Response:
    """A JSON response; never kept by caches, for what it says is private and changes."""
    try:
        body = orjson.dumps(data, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        # Half a surrogate pair, quoted from bad input in an error's words, is no UTF-8; escaped it passes.
        body = json.dumps(data, default=str).encode()
    return Response(body, status_code=status, media_type=media_type, headers={"Cache-Control": "no-store"})
