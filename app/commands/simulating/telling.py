"""What a simulation tells: tables, and in its folder Parquet, Markdown and plots."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.comparison import HEADLINE
from app.store import writing

if TYPE_CHECKING:
    from app.commands.simulating.dataset import DataSet
    from app.commands.simulating.plan import Plan
    from app.commands.simulating.watching import Served
    from app.core.comparison import Estimate, Reach, Standing

WIDTH, HEIGHT = 760.0, 360.0
Table = list[list[str]]


def described(
    data: "DataSet", made: "Plan", encoder: str, results: Sequence[dict[str, Any]], measure: str
) -> list[str]:
    """What was played, in sentences without their full stop."""
    from app.core.replays import full_of

    full = full_of(results, measure)
    name = measure.replace("_", "-")
    told = [f"{len(data.answers):,} items, {len(data.task.classes)} classes, seen by {encoder}"]
    told.append(f"{made.seeds} seeds; {name} on a fifth that is never asked, in brackets 95 % intervals over seeds")
    for learner in dict.fromkeys(learner for learner, _ in full):
        values = [value for (each, _), value in full.items() if each == learner]
        told.append(f"With all labels {learner} reaches {sum(values) / len(values):.3f}")
    return told


def calibration(results: Sequence[dict[str, Any]]) -> "list[Estimate]":
    """The calibration error of each strategy and learner after the last label."""
    from app.core.replays import standings

    return [one.curve[-1][1] for one in standings(results, "ece")]


def summary(standings: "Sequence[Standing]", ece: "Sequence[Estimate]" = ()) -> Table:
    """A row for each strategy and learner: labels to each level, ratio to random, area, ECE at the end if given."""
    head = ["strategy", "learner", *(f"labels to {reach.level:.0%}" for reach in standings[0].reaches)]
    rows = [[*head, "of random’s to 95%", "area under the curve", *(["ECE at the end"] if ece else [])]]
    for number, one in enumerate(standings):
        cells = [one.strategy, one.learner, *(reached(reach, one.seeds) for reach in one.reaches)]
        ratio = one.reach(HEADLINE).ratio
        cells += ["–" if ratio is None else spread(ratio, ".2f"), spread(one.area, ".3f")]
        rows.append([*cells, *([spread(ece[number], ".3f")] if ece else [])])
    return rows


def reached(reach: "Reach", seeds: int) -> str:
    """ "98 (90–110)"; "> 240, 3 of 10 never" where some seeds ended below."""
    if reach.missed:
        return f"> {reach.labels.value:.0f}, {reach.missed} of {seeds} never"
    return spread(reach.labels, ".0f")


def spread(one: "Estimate", form: str) -> str:
    """A mean and its interval, where there is one."""
    if one.low is None or one.high is None:
        return f"{one.value:{form}}"
    return f"{one.value:{form}} ({one.low:{form}}–{one.high:{form}})"


def curve(standings: "Sequence[Standing]") -> Table:
    """A row for each number of labels: the mean accuracy of every strategy and learner, with its interval."""
    names = names_of(standings)
    tables = [dict(one.curve) for one in standings]
    every = sorted(set().union(*tables))
    rows = [["labels", *names]]
    for labels in every:
        rows.append([f"{labels:g}", *(spread(table[labels], ".3f") if labels in table else "–" for table in tables)])
    return rows


def names_of(standings: "Sequence[Standing]") -> list[str]:
    """What tells them apart: the strategy, and the learner where there are several."""
    learners = {one.learner for one in standings}
    return [f"{one.strategy} · {one.learner}" if len(learners) > 1 else one.strategy for one in standings]


def plain(table: Table) -> str:
    """A table for a terminal: words to the left, the rest to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    is_word = [all(not row[column][:1].isdigit() for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = (
            f"{cell:<{width}}" if word else f"{cell:>{width}}"
            for cell, width, word in zip(row, widths, is_word, strict=True)
        )
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def markdown(table: Table) -> str:
    """The same as a Markdown table."""
    head, *rows = table
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines)


def beside(served: "Sequence[Served]", offline: Sequence[dict[str, Any]], batch: int) -> Table:
    """A row for each batch: the last round up to it, and what the offline replays have at as many labels."""
    rows = [["labels", "served", "its own estimate", "over the pool", "offline, same test", "offline, mean (range)"]]
    last = max((one.labels for one in served), default=0)
    taken = {
        max((one for one in served if one.labels <= at), key=lambda one: one.labels, default=None)
        for at in range(batch, last + batch, batch)
    }
    for one in sorted(filter(None, taken), key=lambda one: one.labels):
        at = {run["seed"]: _at(run["points"], one.labels) for run in offline}
        own = "–" if one.estimate is None else f"{one.estimate:.3f} ({one.low:.3f}–{one.high:.3f})"
        mean = f"{sum(at.values()) / len(at):.3f} ({min(at.values()):.3f}–{max(at.values()):.3f})"
        rows.append([f"{one.labels}", f"{one.accuracy:.3f}", own, f"{one.pool:.3f}", f"{at[0]:.3f}", mean])
    return rows


def _at(points: Sequence[dict[str, Any]], labels: float) -> float:
    """A replay's accuracy at so many labels, between two of its rounds."""
    import numpy as np

    return float(np.interp(labels, [one["labels"] for one in points], [one["accuracy"] for one in points]))


def honest(served: "Sequence[Served]") -> str:
    """How often the interval that was shown held what the truth says."""
    shown = [one for one in served if one.low is not None and one.high is not None]
    held = sum((one.low or 0.0) <= one.pool <= (one.high or 1.0) for one in shown)
    took = sorted(one.seconds for one in served)
    told = (
        f"{len(served)} rounds seen, of {took[len(took) // 2]:.2f} s in the middle" if took else "No round had a model"
    )
    return f"{told}; the interval shown held the truth in {held} of {len(shown)}."


def write(
    folder: Path,
    title: str,
    told: Sequence[str],
    tables: Sequence[Table],
    results: list[dict[str, Any]],
    is_calibrated: bool,
    measure: str,
) -> None:
    """results.parquet, results.md, curve.svg and curve.png into the folder."""
    from app import drawing, drawing_png
    from app.core.replays import full_of, standings

    _parquet(folder / "results.parquet", results, is_calibrated)
    with writing(folder / "results.md") as file:
        text = [f"# {title}\n", *(f"{line}\n" for line in told), *map(markdown, reversed(tables))]
        file.write("\n".join(text).encode())
    found = standings(results, measure)
    full = list(full_of(results, measure).values())
    series = [
        drawing.Series(name, [(x, each.value, each.low, each.high) for x, each in one.curve])
        for name, one in zip(names_of(found), found, strict=True)
    ]
    shapes = drawing.curves(series, WIDTH, HEIGHT, sum(full) / len(full))
    svg = drawing.svg(shapes, WIDTH, HEIGHT, "curve", title, told[-1], alone=True)
    with writing(folder / "curve.svg") as file:
        file.write(svg.encode())
    with writing(folder / "curve.png") as file:
        file.write(drawing_png.png(shapes, WIDTH, HEIGHT))


def _parquet(path: Path, results: list[dict[str, Any]], is_calibrated: bool) -> None:
    """A row for each round of each replay, with what all labels give beside it."""
    import pyarrow as pa
    from pyarrow import parquet

    from app.core.replays import full_of

    full = full_of(results)
    rows = [
        {
            **{name: one[name] for name in ("strategy", "learner", "seed")},
            **{"ranked_by" if name == "strategy" else name: value for name, value in point.items()},
            "is_calibrated": is_calibrated,
            "full_accuracy": full.get((one["learner"], one["seed"])),
        }
        for one in results
        if one["strategy"]
        for point in one["points"]
    ]
    with writing(path) as file:
        parquet.write_table(pa.Table.from_pylist(rows), file)
