"""Reasons: why an item is asked, as a kind with the classes and figures that it speaks of, for any language."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# What each kind says without a class, with one, and with two; the last one also for more classes than it names. The
# same kinds are said in the page's languages in app/web/words.
SAID: dict[str, tuple[str, ...]] = {
    "hesitates": ("Model hesitates", "Model is unsure about {a}", "Model hesitates between {a} and {b}"),
    "hesitates_around": (
        "Like many doubtful items",
        "Model is unsure about {a} here and in similar items",
        "Model hesitates between {a} and {b} here and in similar items",
    ),
    "hesitates_apart": (
        "Doubtful, in a group of its own",
        "Unsure about {a}, in a group of its own",
        "Between {a} and {b}, in a group of its own",
    ),
    "doubtful": (
        "Doubtful in a way of its own",
        "Doubtful in a way of its own: {a}",
        "Doubtful in a way of its own: {a} or {b}",
    ),
    "stands_for": (
        "Stands for many that the model is unsure of",
        "Stands for many unsure about {a}",
        "Stands for many between {a} and {b}",
    ),
    "flips": ("The model's answer flips easily", "Flips easily about {a}", "Flips easily between {a} and {b}"),
    "contradicts": (
        "Versions of the model contradict each other",
        "Versions of the model contradict each other about {a}",
        "Versions of the model contradict each other about {a} and {b}",
    ),
    "outvoted": (
        "{share} of the model's versions are outvoted",
        "{share} of the model's versions are outvoted on {a}",
        "{share} of the model's versions are outvoted on {a} and {b}",
    ),
    "teaches": ("Would teach the model most", "Would teach most about {a}", "Would teach most about {a} or {b}"),
    "sure": ("Model is {share} sure of its best answer", "Model is {share} sure of {a}"),
    "sure_of_parts": ("Model is {share} sure of each part, on average",),
    "nearly_sure": ("Model is nearly sure", "Model is nearly sure about {a}"),
    "wavers": ("Model wavers between some {count} answers", "Model wavers between some {count} answers, {a} for one"),
    "typical": ("Typical of items not labelled yet",),
    "typical_of_few": ("Typical of a group with few labels",),
    "unlike": ("Unlike anything labelled yet",),
    "like_asked": ("Resembles items asked before",),
    "like_others": ("Resembles others that are asked",),
    "lot": (
        "Drawn by lot, doubtful items more often",
        "Drawn by lot, doubtful items more often; here {a}",
        "Drawn by lot, doubtful items more often; here {a} or {b}",
    ),
    "drawn": ("Drawn at random",),
    "left_out": ("Left for last: looks out of scope, or like an item asked before",),
    "random": ("Random check: measures how good the model is",),
    "fallback": ("Next in random order",),
    "queue": ("Next in the queue",),
}
BY_LOT = "{said}, or by lot"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is asked: a kind of `SAID`, the classes that it names, and a share in 0 … 1 or a count where the kind
    has one. by_lot: chance may have decided as well.
    """

    kind: str
    classes: Sequence[str] = ()
    share: float | None = None
    count: int | None = None
    by_lot: bool = False

    def __str__(self) -> str:
        """In plain English."""
        a, b = (*self.classes[:2], "", "")[:2]
        share = "" if self.share is None else f"{self.share:.0%}"
        said = form_of(self.kind, len(self.classes)).format(a=a, b=b, share=share, count=self.count)
        return BY_LOT.format(said=said) if self.by_lot else said

    def parts(self) -> dict[str, Any]:
        """As plain JSON: `kind`, `classes`, and `share`, `count`, `by_lot` where they say something."""
        told: dict[str, Any] = {"kind": self.kind, "classes": list(self.classes)}
        told |= {} if self.share is None else {"share": round(float(self.share), 4)}
        told |= {} if self.count is None else {"count": self.count}
        return told | ({"by_lot": True} if self.by_lot else {})


def form_of(kind: str, classes: int) -> str:
    """The sentence of a kind for so many classes."""
    forms = SAID[kind]
    return forms[min(classes, len(forms) - 1)]


def of_parts(told: dict[str, Any], names_classes: bool = True) -> Reason:
    """The reason whose `parts` these are; without its classes, where they would give the model's opinion away."""
    classes = tuple(told.get("classes", ())) if names_classes else ()
    return Reason(told["kind"], classes, told.get("share"), told.get("count"), told.get("by_lot", False))
