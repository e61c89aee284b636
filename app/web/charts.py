"""Charts as SVG made on the server: readable without scripts, in both themes, and by screen readers.

Colours come from the style sheet (classes only), so no inline style is needed. Every chart has a title and a
description, and the pages put a table with the same numbers beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 14, 34


@dataclass(frozen=True)
class Point:
    """One round on the learning curve: accuracy with its interval after so many labels."""

    labels: int
    estimate: float
    low: float
    high: float


def learning_curve(points: Sequence[Point], to_come: Sequence[Point] = ()) -> Markup:
    """Accuracy over labels with a band for the interval, and dashed what is to come; empty before anything is measured.

    to_come: the forecast from the last point on.
    """
    if not points:
        return Markup("")
    last = points[-1]
    most = max(point.labels for point in (*points, *to_come)) or 1
    floor, rules = _scale(min(point.low for point in (*points, *to_come)))

    def place(labels: float, share: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * labels / most
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - (share - floor) / (1 - floor))
        return f"{x:.1f},{y:.1f}"

    upper = [place(point.labels, point.high) for point in points]
    lower = [place(point.labels, point.low) for point in reversed(points)]
    line = [place(point.labels, point.estimate) for point in points]
    x, y = line[-1].split(",")
    parts = [
        _grid(floor, rules, most),
        f'<polygon class="band" points="{" ".join(upper + lower)}"/>',
        *_forecast(to_come, place),
        f'<polyline class="line" points="{" ".join(line)}"/>',
        f'<circle class="dot" cx="{x}" cy="{y}" r="4"/>',
    ]
    said = (
        f"Accuracy rises from {points[0].estimate:.0%} at {points[0].labels} labels"
        if last.estimate > points[0].estimate
        else f"Accuracy starts at {points[0].estimate:.0%} at {points[0].labels} labels"
    )
    said += f"; at {last.labels} labels it is {last.estimate:.0%} (between {last.low:.0%} and {last.high:.0%})."
    if to_come:
        end = to_come[-1]
        said += f" Forecast for {end.labels} labels: between {end.low:.0%} and {end.high:.0%}."
    return _svg("curve", WIDTH, HEIGHT, "Learning curve", said, "".join(parts))


def _forecast(to_come: Sequence[Point], place: Callable[[float, float], str]) -> list[str]:
    if not to_come:
        return []
    upper = [place(point.labels, point.high) for point in to_come]
    lower = [place(point.labels, point.low) for point in reversed(to_come)]
    line = [place(point.labels, point.estimate) for point in to_come]
    return [
        f'<polygon class="band to-come" points="{" ".join(upper + lower)}"/>',
        f'<polyline class="line to-come" points="{" ".join(line)}"/>',
    ]


def _scale(low: float) -> tuple[float, int]:
    """Where the axis of shares begins, and in how many steps of a tenth or a fifth it reaches 1."""
    size = 10 if low > 0.5 else 5
    first = min(int(low * size), size - 1)
    return first / size, size - first


def _grid(floor: float, rules: int, most: int) -> str:
    parts = []
    for step in range(rules + 1):
        share = floor + (1 - floor) * step / rules
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - step / rules)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" text-anchor="end" x="{LEFT - 8}" y="{y + 4:.1f}">{share:.0%}</text>')
    for labels in _ticks(most):
        x = LEFT + (WIDTH - LEFT - RIGHT) * labels / most
        parts.append(f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{HEIGHT - 12}">{labels:,}</text>')
    return "".join(parts)


def _ticks(most: int) -> list[int]:
    """At most six round numbers from 0 to `most`."""
    size = 1
    while most / size > 5:
        digit = str(size)[0]
        size = size * 5 // 2 if digit == "2" else size * 2
    return list(range(0, most + 1, size))


def sparkline(values: Sequence[float], title: str) -> Markup:
    """A small line without axes; the number beside it says the rest."""
    if len(values) < 2:
        return Markup("")
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = " ".join(
        f"{4 + 112 * index / (len(values) - 1):.1f},{28 - 24 * (value - low) / span:.1f}"
        for index, value in enumerate(values)
    )
    said = f"From {values[0]:.2g} to {values[-1]:.2g}."
    return _svg("sparkline", 120, 32, title, said, f'<polyline class="line" points="{points}"/>')


def bar(share: float, index: int) -> Markup:
    """One bar of a class list, in the class's colour; the number beside it is what screen readers read."""
    width = max(0.0, min(1.0, share)) * 100
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-ground" width="100" height="8"/>'
        '<rect class="class-fill c{}" width="{}" height="8"/></svg>'
    ).format(index, f"{width:.2f}")


def _svg(name: str, width: int, height: int, title: str, said: str, inside: str) -> Markup:
    return Markup(  # noqa: S704  # numbers only inside; both sentences are escaped
        f'<svg class="{name}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-said">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-said">{escape(said)}</desc>'
        f"{inside}</svg>"
    )
