"""The report's tables, from the results: Markdown, with intervals, seeds and what was censored."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.core.evaluation.curves import improvement
from tests.benchmarks.learning import compare, plan
from tests.benchmarks.learning.compare import Duel, Measure
from tests.benchmarks.learning.results import TARGETS, Place, Results, finished
from tests.benchmarks.report import table


def ratio(estimate: float, low: float, high: float) -> str:
    """0.52 [0.48, 0.57]; without an interval where there are too few seeds for one."""
    if not np.isfinite(estimate):
        return "–"
    return f"{estimate:.2f}" + (f" [{low:.2f}, {high:.2f}]" if np.isfinite(low) and np.isfinite(high) else "")


def difference(estimate: float, low: float, high: float) -> str:
    """The same of areas, in points of accuracy."""
    if not np.isfinite(estimate):
        return "–"
    shown = f"{100 * estimate:+.1f}"
    return shown + (f" [{100 * low:+.1f}, {100 * high:+.1f}]" if np.isfinite(low) and np.isfinite(high) else "")


def p_value(duel: Duel) -> str:
    """p after Holm's correction."""
    return "< 0.001" if duel.corrected < 0.001 else f"{duel.corrected:.3f}"


def labels(mean: float, censored: float) -> str:
    """Mean labels; `> ` where a run did not get there, with the share of such runs."""
    return f"{mean:.0f}" if censored == 0 else f"> {mean:.0f} ({censored:.0%} not)"


def duel_table(found: Sequence[Duel], measure: Measure, a: str, b: str) -> str:
    """One row a place: both, their ratio or difference, p, and the verdict."""
    show = difference if isinstance(measure, str) else ratio
    rows = []
    for one in found:
        both = (
            [f"{one.a:.3f}", f"{one.b:.3f}"]
            if isinstance(measure, str)
            else [labels(one.a, one.censored_a), labels(one.b, one.censored_b)]
        )
        shown = [show(one.estimate, one.low, one.high), p_value(one), one.verdict(measure), one.seeds]
        rows.append([one.place.data, *both, *shown])
    kind = f"{a} − {b}" if isinstance(measure, str) else f"{a} / {b}"
    return table(["data", a, b, f"{kind} [95 %]", "p (Holm)", f"{a} is", "seeds"], rows)


def overview(results: Results, places: Sequence[Place], names: Sequence[str]) -> str:
    """Every contestant against random, best first, those with all places before those with fewer."""
    rows = []
    for name in names:
        pooled = [
            compare.pooled(results, places, name, "random", lambda one, t=target: one.to[t]) for target in TARGETS
        ]
        if not pooled[0][3]:
            continue
        duels = compare.duels(results, places, name, "random", 0.95)
        seeds = sorted({duel.seeds for duel in duels})
        gained = f"{relative_improvement(results, places, name):+.0%}"
        verdicts = "/".join(map(str, compare.tally(duels, 0.95)))
        about = [gained, verdicts, f"{seconds(results, places, name):.4f}", "–".join(map(str, seeds)), pooled[0][3]]
        rows.append([name, *(ratio(*one[:3]) for one in pooled), *about, pooled[0][0]])
    rows.sort(key=lambda row: (-int(row[-2]), row[-1]))
    head = ["contestant", "N95 / random", "N99 / random", "area gained", "w/t/l", "s a query", "seeds", "sets"]
    return table(head, [row[:-1] for row in rows])


def relative_improvement(results: Results, places: Sequence[Place], name: str) -> float:
    """How much of what random leaves open under the curve is gained, mean over places."""
    gains = []
    for place in places:
        ours, base = finished(results, place, name), finished(results, place, "random")
        seeds = ours.keys() & base.keys()
        if seeds:
            area, random = (float(np.mean([side[seed].areas["accuracy"] for seed in seeds])) for side in (ours, base))
            gains.append(improvement(area, random, float(np.mean([base[seed].full for seed in seeds]))))
    return float(np.nanmean(gains)) if gains else float("nan")


def seconds(results: Results, places: Sequence[Place], name: str) -> float:
    """Seconds of one processor for one query, mean over a place's runs, geometric mean over places; of the runs by the
    code as it is, where there are any.
    """
    found = []
    for place in places:
        every = finished(results, place, name).values()
        outcomes = [one for one in every if one.is_timed] or every
        if queries := sum(one.queries for one in outcomes):
            found.append(max(sum(one.query for one in outcomes) / queries, 1e-6))
    return float(np.exp(np.mean(np.log(found)))) if found else float("nan")


def matrix(results: Results, places: Sequence[Place], names: Sequence[str], measure: Measure) -> np.ndarray:
    """[a, b]: at how many places a is better than b beyond noise (5 %, after Holm)."""
    wins = np.zeros((len(names), len(names)), int)
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            if i != j:
                wins[i, j] = compare.tally(compare.duels(results, places, a, b, measure), measure)[0]
    return wins


def losses(results: Results, places: Sequence[Place], name: str, others: Sequence[str]) -> str:
    """Every place where somebody else is better than `name` beyond noise, by any measure."""
    rows = []
    for other in others:
        for measure in (*TARGETS, "accuracy", "macro-F1"):
            for one in compare.duels(results, places, name, other, measure):
                if one.verdict(measure) == "worse":
                    is_area = isinstance(measure, str)
                    shown = difference if is_area else ratio
                    called = f"area, {measure}" if is_area else f"N{100 * measure:.0f}"
                    rows.append(
                        [str(one.place), other, called, shown(one.estimate, one.low, one.high), p_value(one), one.seeds]
                    )
    if not rows:
        return f"None: nowhere is another contestant better than {name} beyond noise."
    return table(["place", "better", "by", f"{name} against it [95 %]", "p (Holm)", "seeds"], sorted(rows, key=str))


def speeds(found: Sequence[dict[str, Any]], groups: dict[str, str]) -> str:
    """Seconds and memory of each contestant at each size; of ours that a peer has, too, how many times faster."""
    sizes = sorted({one["size"] for one in found})
    by = {(one["name"], one["size"]): one for one in found}
    rows = []
    for name in dict.fromkeys(one["name"] for one in found):
        cells: list[object] = [name, groups.get(name, "")]
        for size in sizes:
            one = by.get((name, size), {})
            cells += [
                f"{one['seconds']:.4f}" if "seconds" in one else one.get("failed", "–"),
                one.get("gigabytes", "–"),
            ]
        rows.append([*cells, *_faster(name, by, sizes[0])])
    head = ["contestant", "of", *(part for size in sizes for part in (f"{size:,}: s", "GB"))]
    return table([*head, f"× fastest peer, {sizes[0]:,}", "met (5 ×)"], rows) if rows else ""


def _faster(name: str, by: dict[tuple[str, int], dict[str, Any]], size: int) -> list[str]:
    """How many times the seconds of the fastest peer that has this strategy; nobody finishes: as said in its row."""
    peers = [by[peer, size] for peer in plan.HAVE.get(name, ()) if (peer, size) in by]
    if "seconds" not in by.get((name, size), {}) or not peers:
        return ["–", "–"]
    told = [one["seconds"] for one in peers if "seconds" in one]
    if not told:
        return ["none finishes", "yes"]
    ratio = min(told) / by[name, size]["seconds"]
    return [f"{ratio:.1f}", "yes" if ratio >= 5 else "**no**"]
