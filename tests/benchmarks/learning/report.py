"""The report: docs/benchmarks/learning.md with its pictures, written anew from the runs that are kept."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.learning import compare, goals, plan, plots, protocol, tables
from tests.benchmarks.learning.goals import DEFAULT
from tests.benchmarks.learning.results import TARGETS, Place, Results, finished
from tests.benchmarks.report import machine, table
from tests.loop.data import ROOT

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "scikit-activeml", "small-text", "modAL-python")
PATH = ROOT / "docs" / "benchmarks" / "learning.md"


def write(results: Results, groups: dict[str, str], speeds: Sequence[dict[str, Any]], older: int, path: Path) -> None:
    """The whole report. groups: of every contestant. older: how many of the runs are of other code than this."""
    plain = [Place(data) for data in plan.BUDGETS if finished(results, Place(data), "random")]
    spoiled = [Place(d, variant) for variant in plan.VARIANTS for d in plan.SPOILED if Place(d, variant) in results]
    large = [Place(data, "plain", "large") for data in plan.LARGE if Place(data, "plain", "large") in results]
    names = list(groups)
    peers = [name for name in names if groups[name] not in ("ours", "recipe")]
    pictures = path.with_suffix("")
    parts = [
        protocol.head(results, plain, older),
        "## What was to be shown\n\n" + goals.report(results, plain, [*spoiled, *large], peers),
        goals.best_known(results, plain, names),
        "## The default recipe against random\n\n" + _against(results, plain, "random"),
        _curves(results, plain, peers, pictures),
        "## Everybody against random\n\n" + protocol.OVERVIEW + tables.overview(results, plain, names),
        "## The default recipe against each peer\n\n" + _each(results, plain, peers),
        "## The best peer of each data set, with hindsight\n\n" + _hindsight(results, plain, peers),
        _matrix(results, plain, names, pictures),
        "## Where the default recipe loses\n\n"
        + protocol.LOSSES
        + _losses(results, [plain, *_by_variant(spoiled), large], names),
        *[_variant(results, places, names) for places in (*_by_variant(spoiled), large) if places],
        "## The same formula, the same choice\n\n" + _twins(results, plain),
        "## Speed\n\n" + protocol.SPEED + tables.speeds(speeds, groups),
        protocol.repeat(machine(LIBRARIES)),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(re.sub(r"\n{3,}", "\n\n", "\n\n".join(parts)).rstrip() + "\n", encoding="utf-8")


def _by_variant(spoiled: Sequence[Place]) -> list[list[Place]]:
    return [[place for place in spoiled if place.variant == variant] for variant in plan.VARIANTS]


def _against(results: Results, places: Sequence[Place], other: str) -> str:
    measures: tuple[compare.Measure, ...] = (*TARGETS, "accuracy", "macro-F1")
    called = ("Labels to 95 %", "Labels to 99 %", "Area under the curve", "Area under the curve of macro-F1")
    return "\n\n".join(
        f"### {name}\n\n"
        + tables.duel_table(compare.duels(results, places, DEFAULT, other, measure), measure, DEFAULT, other)
        for name, measure in zip(called, measures, strict=True)
    )


def _curves(results: Results, plain: Sequence[Place], peers: Sequence[str], pictures: Path) -> str:
    best = [compare.best_everywhere(results, plain, peers, measure) for measure in TARGETS]
    names = list(dict.fromkeys([DEFAULT, "random", "margin", *filter(None, best)]))
    plots.curves(results, plain, names, pictures / "curves.svg")
    return "![Learning curves](learning/curves.svg)\n\nBands: 95 % of the mean. Dotted: 95 % of the full accuracy."


def _each(results: Results, plain: Sequence[Place], peers: Sequence[str]) -> str:
    rows = []
    for peer in peers:
        cells: list[object] = [peer]
        for target in TARGETS:
            pooled = compare.pooled(results, plain, DEFAULT, peer, lambda one, t=target: one.to[t])
            duels = compare.duels(results, plain, DEFAULT, peer, target)
            cells += [tables.ratio(*pooled[:3]), "/".join(map(str, compare.tally(duels, target)))]
        area = compare.duels(results, plain, DEFAULT, peer, "accuracy")
        if not area:
            continue
        cells += [f"{100 * float(np.mean([one.estimate for one in area])):+.1f}"]
        cells += ["/".join(map(str, compare.tally(area, "accuracy"))), len(area)]
        rows.append(cells)
    head = ["peer", f"N95 {DEFAULT} / peer", "w/t/l", "N99", "w/t/l", "area, points", "w/t/l", "sets"]
    return table(head, sorted(rows, key=lambda row: str(row[1]), reverse=True))


def _hindsight(results: Results, plain: Sequence[Place], peers: Sequence[str]) -> str:
    parts = []
    for target in TARGETS:
        rows = []
        for place in plain:
            best = compare.best_here(results, place, peers, target)
            for one in compare.duels(results, [place], DEFAULT, best, target) if best else ():
                shown = [tables.labels(one.a, one.censored_a), tables.labels(one.b, one.censored_b)]
                shown += [tables.ratio(one.estimate, one.low, one.high), f"{one.p:.3f}", one.verdict(target)]
                rows.append([place.data, best, *shown, one.seeds])
        head = ["data", "best peer", DEFAULT, "peer", "ratio [95 %]", "p", f"{DEFAULT} is", "seeds"]
        parts.append(f"### {target:.0%} of the full accuracy\n\n" + table(head, rows))
    return protocol.HINDSIGHT + "\n\n".join(parts)


def _matrix(results: Results, plain: Sequence[Place], names: Sequence[str], pictures: Path) -> str:
    shown = [name for name in names if name not in plan.TWINS and name not in plan.SLOWER]
    shown = [name for name in shown if any(len(finished(results, place, name)) > 2 for place in plain)]
    for measure, file in ((0.95, "wins_n95"), ("accuracy", "wins_area")):
        wins = tables.matrix(results, plain, shown, measure)
        order = np.argsort(-(wins.sum(axis=1) - wins.sum(axis=0)), kind="stable")
        title = "Data sets on which the row is better than the column, by " + (
            "the area under the curve" if isinstance(measure, str) else "labels to 95 %"
        )
        ordered = [shown[i] for i in order]
        plots.matrix(wins[np.ix_(order, order)], ordered, len(plain), title, pictures / f"{file}.png")
    return (
        "## Who is better than whom\n\n" + protocol.MATRIX + "![By labels to 95 %](learning/wins_n95.png)\n\n"
        "![By area](learning/wins_area.png)"
    )


def _losses(results: Results, families: Sequence[Sequence[Place]], names: Sequence[str]) -> str:
    """Each family of places is corrected by itself; a table for each where there are losses."""
    parts = []
    for places in families:
        if places:
            about = "Plain data, small batches" if places[0] == Place(places[0].data) else _title(places)
            others = [name for name in names if name != DEFAULT]
            parts.append(f"### {about}\n\n" + tables.losses(results, places, DEFAULT, others))
    return "\n\n".join(parts)


def _title(places: Sequence[Place]) -> str:
    if places[0].batch == "large":
        return "Large batches"
    return places[0].variant.replace("_", " ").capitalize()


def _variant(results: Results, places: Sequence[Place], names: Sequence[str]) -> str:
    duels = compare.duels(results, places, DEFAULT, "random", 0.95)
    return (
        f"## {_title(places)}\n\n{protocol.VARIANTS[places[0].variant]}\n\n"
        + tables.duel_table(duels, 0.95, DEFAULT, "random")
        + "\n\n"
        + tables.overview(results, places, names)
    )


def _twins(results: Results, plain: Sequence[Place]) -> str:
    """How often a peer's curve is that of our strategy of the same formula, to the last digit."""
    ours = {"margin": "margin", "breakingties": "margin", "entropy": "entropy", "predictionentropy": "entropy"}
    rows = []
    for peer in plan.TWINS:
        twin = ours.get(peer.split(" ", 1)[1].lower(), "least_confidence")
        pairs = [
            (one, results[place][twin][seed])
            for place in plain
            for seed, one in results[place].get(peer, {}).items()
            if seed in results[place].get(twin, {})
        ]
        if pairs:
            same = sum(one.points == other.points for one, other in pairs)
            rows.append([peer, twin, len(pairs), same])
    return protocol.TWINS + table(["peer", "ours", "runs", "with the same curve to the last digit"], rows)
