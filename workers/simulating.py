"""The slices of a simulation: whole replays, each kept as it is finished, with signs of life and room for others."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from app import stopping
from app.core.replays import Replay, played, rounds_of
from app.db import reading, transaction
from app.services import simulation_work
from app.services.simulation_work import Taken

BEAT_SECONDS = 1.0


def play(taken: Taken, let_others: Callable[[], None]) -> None:
    """Play replays until a slice's time is over, and publish what all finished ones say.

    `let_others` is called now and then, between two rounds. Raises LeaseLostError where the simulation was stopped.
    """
    with reading() as db:
        known = simulation_work.read(db, taken)
    began = time.monotonic()
    pulse = _Pulse(taken, let_others)
    for number, one in enumerate(taken.wanted):
        if number in taken.kept:
            continue
        result = played(known, taken.plan["recipe"], taken.budget, one, pulse.after_round)
        with transaction() as db:
            simulation_work.keep(db, taken, number, result, pulse.rounds, datetime.now(UTC))
        taken.kept[number] = result
        if time.monotonic() - began > simulation_work.SLICE_SECONDS:
            break
    told = simulation_work.told(taken)
    is_whole = len(taken.kept) == len(taken.wanted)
    with transaction() as db:
        simulation_work.publish(db, taken, told, is_whole, pulse.rounds, datetime.now(UTC))


class _Pulse:
    """Counts rounds, and says now and then that the simulation is alive."""

    def __init__(self, taken: Taken, let_others: Callable[[], None]) -> None:
        self.taken, self.let_others = taken, let_others
        self.rounds = sum(self._rounds(taken.wanted[number]) for number in taken.kept)
        self.last = time.monotonic()

    def _rounds(self, one: Replay) -> int:
        return rounds_of(one, self.taken.budget)

    def after_round(self) -> None:
        self.rounds += 1
        if stopping.is_pressing():
            with transaction() as db:
                simulation_work.hand_back(db, self.taken)
            raise simulation_work.LeaseLostError
        if time.monotonic() - self.last < BEAT_SECONDS:
            return
        with transaction() as db:
            simulation_work.beat(db, self.taken, self.rounds, datetime.now(UTC))
        self.let_others()
        self.last = time.monotonic()
