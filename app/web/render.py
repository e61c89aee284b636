"""Pages from templates: the Jinja environment, its filters, and `page()`."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from app.core import turns
from app.web import charts
from app.web.static import static

TEMPLATES = Path(__file__).parents[2] / "templates"
THEMES = ("light", "dark")
# A whole value that is an address, of a host and without a name before it: what people see is where it leads.
_ADDRESS = re.compile(r"https?://[^\s@/\\]+(?:[/?#]\S*)?\Z", re.IGNORECASE)
_SCHEMES = re.compile(r"^(https?://|mailto:)", re.IGNORECASE)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The environment: everything escaped, and a missing variable is an error, not a blank."""
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    made.policies["json.dumps_kwargs"] = {"sort_keys": False}  # columns keep their order
    made.trim_blocks = made.lstrip_blocks = True
    made.globals.update(static=static, charts=charts, turn_parts=turns.parts)
    made.filters.update(
        cell=cell, markdown=markdown, percent=percent, number=number, when=when, ago=ago, seconds=seconds, plural=plural
    )
    made.tests["address"] = lambda said: bool(_ADDRESS.match(said))
    return made


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page; `caller` is None where nobody is signed in. Never kept: what it shows is private and changes."""
    theme = request.cookies.get("theme", "")
    known: Mapping[str, Any] = {
        "caller": None,
        "theme": theme if theme in THEMES else "",
        "path": request.url.path,
        "language": "en",
        "direction": "ltr",
        **context,
    }
    body = environment().get_template(template).render(known)
    return HTMLResponse(body, status_code=status, headers={"Cache-Control": "no-store"})


def markdown(text: str) -> Markup:
    """Markdown as HTML: no raw HTML, no images, and only links to http, https and mailto."""
    return Markup(_markdown().render(text))  # noqa: S704  # the renderer escapes; html is off


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    # The library types its hook loosely; a link that fails the test stays plain text.
    made.validateLink = lambda url: bool(_SCHEMES.match(url))  # type: ignore[method-assign]

    def link_open(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        tokens[index].attrSet("rel", "noopener nofollow")
        tokens[index].attrSet("target", "_blank")
        return str(self.renderToken(tokens, index, options, env))

    made.add_render_rule("link_open", link_open)
    return made


def cell(value: object) -> str:
    """A value of a table as scripts write it, which draw it too: "true", "3", "0.5"."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else str(value)


def percent(share: float | None, digits: int = 0) -> str:
    """A share as "72 %", with a no-break space; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f}\u00a0%"


def number(value: float | None) -> str:
    """A count with thin spaces between thousands."""
    return "–" if value is None else f"{value:,.0f}".replace(",", "\u202f")


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 item", "2 items"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def seconds(value: float | None) -> str:
    """A duration for people: "340 ms", "2.1 s", "4 min"."""
    if value is None:
        return "–"
    if value < 1:
        return f"{1000 * value:.0f}\u00a0ms"
    return f"{value:.1f}\u00a0s" if value < 120 else f"{value / 60:.0f}\u00a0min"


def when(moment: datetime | str | None) -> Markup:
    """A time element in UTC, which the browser puts into the reader's own zone."""
    if moment is None:
        return Markup("–")
    at = (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(UTC)
    template = Markup('<time datetime="{}" data-local>{}</time>')
    return template.format(at.isoformat(timespec="seconds"), at.strftime("%Y-%m-%d %H:%M UTC"))


def ago(moment: datetime | str, now: datetime) -> str:
    """How long ago: "just now", "5 min ago", "3 h ago", "2 days ago"."""
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    passed = (now - then).total_seconds()
    if passed < 10:
        return "just now"
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min"), (1, "s")):
        if passed >= size:
            count = int(passed // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return "just now"
