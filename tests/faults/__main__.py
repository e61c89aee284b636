"""The long run: `python -m tests.faults --seed 7 --minutes 30`; the seed gives the same schedule again."""

import argparse
import random
import sys
import time

from tests.faults import site
from tests.faults.rig import run


def main() -> int:
    parser = argparse.ArgumentParser("tests.faults", description="Faults by a seeded schedule, under load.")
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--kind", choices=("sqlite", "postgresql", "both"), default="both")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10**6)
    kinds = [kind for kind in ("sqlite", "postgresql") if args.kind in (kind, "both")]
    for kind in kinds:
        if why := site.missing(kind):
            say(f"{kind}: left out, {why}")
            continue
        minutes = args.minutes / len(kinds)
        say(f"{kind}, seed {seed}, {minutes:g} minutes")
        crowd = run(kind, seed, minutes, items=max(1500, int(minutes * 700)), think=1.0, say=say)
        say(f"{kind}: {len(crowd.acknowledged)} answers acknowledged, stored and exported; every invariant holds")
    return 0


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
