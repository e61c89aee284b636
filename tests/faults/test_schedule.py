"""Faults by a seeded schedule, for half a minute a database; `make faults` runs it for as long as one likes."""

from collections import Counter

import pytest

from tests.faults import rig, site
from tests.faults.schedule import BOTH, SERVED, schedule

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("supervisor")]
SEED = 4


def test_a_seed_gives_the_same_schedule_and_another_seed_another() -> None:
    assert schedule(7, "sqlite", 10) == schedule(7, "sqlite", 10)
    assert schedule(7, "sqlite", 10) != schedule(8, "sqlite", 10)


def test_a_long_schedule_meets_every_fault() -> None:
    drawn = Counter(name for event in schedule(1, "postgresql", 120) for name in event.faults)
    assert set(drawn) == set(BOTH) | set(SERVED)
    assert "kill web" not in Counter(
        name for event in schedule(1, "sqlite", 60, frozenset({"kill web"})) for name in event.faults
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_lost_doubled_or_stranded(kind: str) -> None:
    if why_not := site.missing(kind):
        pytest.skip(why_not)
    crowd = rig.run(kind, SEED, 0.4, items=900, think=0.8)
    assert len(crowd.acknowledged) > 50
