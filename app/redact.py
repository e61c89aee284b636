"""Secrets out of the log: whatever a message, a field or a traceback quotes, its keys and passwords are cut out."""

import re
from typing import Any

CUT = "[cut]"
_NAMES = "pass(?:word|wd)?|secret|token|api_key"
_SECRETS = (
    (re.compile(r"mg_[\w-]{8,}"), f"mg_{CUT}"),  # an API token
    (re.compile(r"(\w://[^\s:/@]*):[^\s@/]+@"), rf"\1:{CUT}@"),  # the password in a URL
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {CUT}"),
    (re.compile(r"\b(marginalia(?:_browser)?)=[^\s'\"&;,]+"), rf"\1={CUT}"),  # a cookie
    # A field of a form or a part of a query, name=value, or one of plain data, "name": "value".
    (re.compile(rf"(?i)\b({_NAMES})(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&;,]+"), rf"\1\2{CUT}"),
)


def secrets(_logger: Any, _method: str, event: Any) -> Any:
    """A structlog processor."""
    return {key: _cut(value) for key, value in event.items()}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, instead in _SECRETS:
            value = pattern.sub(instead, value)
        return value
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(inner) for inner in value]
    return _cut(str(value)) if isinstance(value, Exception) else value
