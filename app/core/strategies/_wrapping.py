"""Strategies made of another one: they read what it reads."""

from app.core import plugins
from app.core.strategies import Strategy

READS = ("needs_model", "needs_features", "needs_samples", "needs_head", "most")


def wrap(outer: Strategy, name: str) -> Strategy:
    """The strategy of this name, with its default settings; `outer` now states that it needs what that one needs.

    Raises UnknownPlugin where there is none of this name.
    """
    inner = plugins.make("strategies", {"name": name}, Strategy)
    for needed in READS:
        object.__setattr__(outer, needed, getattr(inner, needed))  # the dataclass is frozen
    return inner
