"""Why an item is asked, in the reader's language; static/reasons.js says the same."""

from typing import Any

from app.web.words import words

# A class may be written the other way than the sentence around it: it is kept apart, or its words would change places.
APART = "\u2068{}\u2069"


def said(reason: str, why: dict[str, Any] | None, language: str) -> str:
    """A reason by its parts; without parts as it stands."""
    if why is None:
        return reason
    known, names = words(language), [APART.format(name) for name in why["classes"]]
    form = next((f"js.why_{why['kind']}_{n}" for n in (2, 1, 0) if n <= len(names) and _is(known, why["kind"], n)), "")
    if not form:
        return reason
    a, b = (*names[:2], "", "")[:2]
    told = str(known[form]).format(a=a, b=b, share=f"{why.get('share') or 0:.0%}", count=why.get("count"))
    return str(known["js.why_by_lot"]).format(said=told) if why.get("by_lot") else told


def _is(known: dict[str, Any], kind: str, n: int) -> bool:
    return f"js.why_{kind}_{n}" in known
