"""The report's pictures: learning curves with bands, and who is better than whom."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.benchmarks.learning.results import Place, Results, finished

mpl.use("Agg")
# The same picture from the same numbers: no date, no random names inside the file.
mpl.rcParams.update(
    {
        "svg.hashsalt": "marginalia",
        "svg.fonttype": "none",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
COLUMNS = 4


def curves(results: Results, places: Sequence[Place], names: Sequence[str], path: Path) -> None:
    """A panel a place: mean accuracy over seeds, its 95 % interval, and 95 % of the accuracy with all labels."""
    rows = -(-len(places) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(3.1 * COLUMNS, 2.4 * rows), squeeze=False)
    for axis, place in zip(axes.flat, places, strict=False):
        for number, name in enumerate(names):
            _curve(axis, results, place, name, f"C{number}")
        full = [one.full for one in finished(results, place, "random").values()]
        if full:
            axis.axhline(0.95 * float(np.mean(full)), color="grey", linewidth=0.7, linestyle=":")
            axis.set_ylim(bottom=0.45 * float(np.mean(full)))
        axis.set_title(str(place.data if place.variant == "plain" else f"{place.data}, {place.variant}"))
    for axis in list(axes.flat)[len(places) :]:
        axis.axis("off")
    handles, shown = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, shown, loc="lower center", ncol=min(len(names), 6), frameon=False)
    figure.supxlabel("labels", y=0.5 / (2.4 * rows))
    figure.supylabel("accuracy on the test rows")
    figure.tight_layout(rect=(0, 0.9 / (2.4 * rows), 1, 1))
    _save(path)


def _curve(axis: Axes, results: Results, place: Place, name: str, colour: str) -> None:
    outcomes = list(finished(results, place, name).values())
    if not outcomes:
        return
    labels = [at for at, _ in outcomes[0].points]
    values = np.array([[accuracy for _, accuracy in one.points] for one in outcomes])
    mean = values.mean(axis=0)
    axis.plot(labels, mean, color=colour, linewidth=1.1, label=name)
    if len(values) > 2:
        half = 1.96 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        axis.fill_between(labels, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0)


def matrix(wins: np.ndarray, names: Sequence[str], of: int, title: str, path: Path) -> None:
    """A field a pair: at how many places the row is better than the column, beyond noise."""
    size = 2.2 + 0.3 * len(names)
    _, axis = plt.subplots(figsize=(size + 1, size))
    axis.imshow(wins, cmap="Greens", vmin=0, vmax=of)
    for i, j in np.ndindex(*wins.shape):
        if i != j:
            axis.text(j, i, str(wins[i, j]), ha="center", va="center", fontsize=6.5)
    axis.set_xticks(range(len(names)), names, rotation=90)
    axis.set_yticks(range(len(names)), names)
    axis.set_title(title)
    plt.tight_layout()
    _save(path)


def _save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plt.savefig(path, dpi=90, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close()
