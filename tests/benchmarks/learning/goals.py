"""What the benchmark was to show, each demand beside what was measured."""

from collections.abc import Sequence

import numpy as np

from tests.benchmarks.learning import compare, tables
from tests.benchmarks.learning.results import TARGETS, Place, Results
from tests.benchmarks.report import table

DEFAULT = "auto"
# The strategy by which the default asks once there is a model; the others' seconds are of a strategy, too.
ASKS_BY = "uherding"


def report(results: Results, plain: Sequence[Place], others: Sequence[Place], peers: Sequence[str]) -> str:
    """The table of demands."""
    rows = [*_over_random(results, plain, others), *_over_peers(results, plain, peers), _time(results, plain, peers)]
    return table(["demand", "measured", "met"], rows)


def _over_random(results: Results, plain: Sequence[Place], others: Sequence[Place]) -> list[list[str]]:
    mean, low, high, count = compare.pooled(results, plain, DEFAULT, "random", lambda one: one.to[0.95])
    found = [d for among in (plain, others) for d in compare.duels(results, among, DEFAULT, "random", 0.95)]
    worse = [str(one.place) for one in found if one.verdict(0.95) == "worse"]
    return [
        [
            "labels to 95 % of the full accuracy, over random's: at most 0.45, geometric mean over the data sets",
            f"{tables.ratio(mean, low, high)} ({count} sets)",
            _yes(mean <= 0.45),
        ],
        [
            "on no data set or variant above 1.0 beyond noise",
            f"{len(worse)} of {len(found)}" + (f": {', '.join(worse)}" if worse else ""),
            _yes(not worse),
        ],
    ]


def _over_peers(results: Results, plain: Sequence[Place], peers: Sequence[str]) -> list[list[str]]:
    rows = []
    for target in TARGETS:
        called = f"{target:.0%}"
        best = compare.best_everywhere(results, plain, peers, target)
        mean, low, high, count = compare.pooled(results, plain, best, DEFAULT, lambda one, t=target: one.to[t])
        rows.append(
            [
                f"at least 1.2 times fewer labels to {called} than the best single peer on all data sets",
                f"{tables.ratio(mean, low, high)} times ({best}, {count} sets)",
                _yes(mean >= 1.2),
            ]
        )
        worse = behind_hindsight(results, plain, peers, target)
        rows.append(
            [
                f"beyond noise worse than a data set's best peer with hindsight on at most one ({called})",
                f"{len(worse)} of {len(plain)}" + (f": {', '.join(worse)}" if worse else ""),
                _yes(len(worse) <= 1),
            ]
        )
    best = compare.best_everywhere(results, plain, peers, "accuracy")
    ahead = compare.duels(results, plain, DEFAULT, best, "accuracy")
    mean = float(np.mean([one.estimate for one in ahead])) if ahead else float("nan")
    rows.append(["area under the curve ahead on average", f"{100 * mean:+.1f} points over {best}", _yes(mean > 0)])
    return rows


def behind_hindsight(results: Results, plain: Sequence[Place], peers: Sequence[str], target: float) -> list[str]:
    """Where the default is worse, beyond noise, than the peer that did best on that data set."""
    found = []
    for place in plain:
        best = compare.best_here(results, place, peers, target)
        for one in compare.duels(results, [place], DEFAULT, best, target) if best else ():
            if one.verdict(target) == "worse":
                found.append(f"{place.data} ({best}, {tables.ratio(one.estimate, one.low, one.high)})")
    return found


def _time(results: Results, plain: Sequence[Place], peers: Sequence[str]) -> list[str]:
    best = compare.best_everywhere(results, plain, peers, 0.95)
    theirs = tables.seconds(results, plain, best) if best else float("nan")
    ratio, step = (theirs / tables.seconds(results, plain, name) for name in (ASKS_BY, DEFAULT))
    told = f"{ratio:.1f} times ({best} against {ASKS_BY}, by which {DEFAULT} asks; {step:.1f} for a round's whole step)"
    return ["at least 20 times less query time than the closest peer", told, _yes(ratio >= 20)]


def best_known(results: Results, plain: Sequence[Place], names: Sequence[str]) -> str:
    """What is reached where for each data set the best of all contestants is taken, after the fact."""
    others = [name for name in names if name not in (DEFAULT, "random")]
    told = []
    for target in TARGETS:
        found = [
            duel.estimate
            for place in plain
            for best in [compare.best_here(results, place, others, target)]
            for duel in compare.duels(results, [place], best, "random", target)
        ]
        ours = compare.pooled(results, plain, DEFAULT, "random", lambda one, t=target: one.to[t])[0]
        told.append(f"{np.exp(np.mean(np.log(found))):.2f} of random's labels to {target:.0%} ({DEFAULT}: {ours:.2f})")
    return (
        f"The best known: choosing for each data set, after the fact, the best of all {len(others)} other contestants "
        f"needs {' and '.join(told)}. No rule could choose so, and picking the luckiest of many flatters; what lies "
        "below it nobody here reaches."
    )


def _yes(met: bool) -> str:
    return "yes" if met else "**no**"
