"""The schedule: which faults, when and for how long, all from one seed."""

import random
from dataclasses import dataclass

PARTS = ("web", "rounds", "encoding", "beat", "broker")
# How often each kind of fault is drawn, by the database that the system runs on.
BOTH = {
    **{f"kill {part}": 2 for part in PARTS},
    "kill several": 2,
    "kill all": 1,
    "kill parent": 1,
    "freeze web": 2,
    "freeze rounds": 3,
    "freeze encoding": 1,
    "freeze beat": 1,
    "freeze broker": 2,
    "flush broker": 2,
    "outsleep the leases": 2,
    "fill the disk": 3,
    "double messages": 2,
    "late messages": 1,
    "sweeps at once": 1,
    "jump the clock": 2,
    "restart all": 1,
}
SERVED = {
    "kill database": 3,
    "cut the power": 2,
    "kill backends": 2,
    "freeze database": 2,
    "cut database": 2,
    "cut broker": 2,
    "delay broker": 2,
    "delay database": 1,
    "fill the database's disk": 2,
}


@dataclass(frozen=True)
class Event:
    """One moment: after `pause` seconds these faults begin together, and last `seconds` where they last at all.

    `luck` seeds what a fault draws for itself.
    """

    pause: float
    faults: tuple[str, ...]
    seconds: float
    luck: int


def schedule(seed: int, kind: str, minutes: float, without: frozenset[str] = frozenset()) -> list[Event]:
    """Events for about so many minutes; the same seed gives the same ones."""
    rng = random.Random(f"{seed} {kind}")
    weights = {name: n for name, n in (BOTH | (SERVED if kind == "postgresql" else {})).items() if name not in without}
    found: list[Event] = []
    left = minutes * 60
    while left > 0:
        count = rng.choice((1, 1, 1, 2))
        faults: list[str] = []
        while len(faults) < count:
            (one,) = rng.choices(list(weights), list(weights.values()))
            if one not in faults:
                faults.append(one)
        event = Event(
            round(rng.uniform(0.3, 3.0), 2), tuple(faults), round(rng.uniform(0.5, 6.0), 2), rng.randrange(2**31)
        )
        found.append(event)
        left -= event.pause + event.seconds + RECOVERY
    return found


RECOVERY = 3.0  # what coming back takes, about
