"""Why an item was asked, as its holder may hear it: without classes where the model's suggestion is hidden."""

from typing import Any

from app.core.reasons import SAID, Reason, of_parts


def told(row: Any, is_hidden: bool) -> tuple[str, dict[str, Any] | None]:
    """The reason in plain English and its parts, of a lease's or label's columns `chosen_by`, `reason`, `why`.

    is_hidden: the suggestion is. Two classes named in the reason would sway people as the suggestion does, and what
    hiding it measures would be void. Parts are None for words of a strategy's own, and of versions that had no parts.
    """
    why, chosen_by = row["why"], row["chosen_by"]
    if why is not None and why.get("kind") not in SAID:  # a newer version's, where two run
        why = None
    if why is None and chosen_by in ("random", "fallback"):
        why = Reason(chosen_by).parts()
    if is_hidden and chosen_by == "queue":
        kept = of_parts(why, names_classes=False) if why is not None else Reason("queue")
        return str(kept), kept.parts()
    return row["reason"] or "", why
