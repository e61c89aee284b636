"""Charts as SVG made on the server: readable without scripts, in both themes, and by screen readers.

Colours come from the style sheet (classes only), so no inline style is needed. Every chart has a title and a
description, and the pages put a table with the same numbers beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

LEFT, RIGHT, TOP, BOTTOM = 46, 14, 26, 40
WIDE, NARROW = (720, 300), (340, 270)  # of the drawing; its text keeps its size on a phone


@dataclass(frozen=True)
class Point:
    """One round on the learning curve: accuracy with its interval after so many labels."""

    labels: int
    estimate: float
    low: float
    high: float


def learning_curve(points: Sequence[Point], to_come: Sequence[Point] = (), narrow: bool = False) -> Markup:
    """Accuracy over labels with a band for the interval, and dashed what is to come; empty before anything is measured.

    to_come: the forecast from the last point on. narrow: drawn for a phone.
    """
    if not points:
        return Markup("")
    drawing = _drawing(points, to_come, NARROW if narrow else WIDE)
    parts = [
        _grid(drawing),
        _band(points, drawing, "band"),
        _band(to_come, drawing, "band to-come"),
        _line(points, drawing, "line"),
        _line(to_come, drawing, "line to-come"),
        _names(points, to_come, drawing),
    ]
    name = "curve narrow" if narrow else "curve"
    return _svg(name, *drawing.size, "Learning curve", _curve_in_words(points, to_come), "".join(parts))


@dataclass(frozen=True)
class _Drawing:
    """Where labels and shares are on it: shares from `floor` on, with so many rules."""

    size: tuple[int, int]
    most: int
    floor: float
    rules: int

    def x(self, labels: float) -> float:
        return LEFT + (self.size[0] - LEFT - RIGHT) * labels / self.most

    def y(self, share: float) -> float:
        return TOP + (self.size[1] - TOP - BOTTOM) * (1 - (share - self.floor) / (1 - self.floor))

    def place(self, labels: float, share: float) -> str:
        return f"{self.x(labels):.1f},{self.y(share):.1f}"


def _drawing(points: Sequence[Point], to_come: Sequence[Point], size: tuple[int, int]) -> _Drawing:
    known = (*points, *to_come)
    # The first points know little; the rest should not lie flat under the ceiling for their sake.
    return _Drawing(size, max(point.labels for point in known) or 1, *_scale(min(point.low for point in known)))


def _curve_in_words(points: Sequence[Point], to_come: Sequence[Point]) -> str:
    first, last = points[0], points[-1]
    rises = "rises from" if last.estimate > first.estimate else "starts at"
    said = f"Accuracy {rises} {first.estimate:.0%} at {first.labels} labels"
    said += f"; at {last.labels} labels it is {last.estimate:.0%} (between {last.low:.0%} and {last.high:.0%})."
    if to_come:
        end = to_come[-1]
        said += f" Forecast for {end.labels} labels: between {end.low:.0%} and {end.high:.0%}."
    return said


def _band(points: Sequence[Point], drawing: _Drawing, name: str) -> str:
    around = [drawing.place(point.labels, point.high) for point in points]
    around += [drawing.place(point.labels, point.low) for point in reversed(points)]
    return f'<polygon class="{name}" points="{" ".join(around)}"/>' if points else ""


def _line(points: Sequence[Point], drawing: _Drawing, name: str) -> str:
    way = " ".join(drawing.place(point.labels, point.estimate) for point in points)
    return f'<polyline class="{name}" points="{way}"/>' if points else ""


def _names(points: Sequence[Point], to_come: Sequence[Point], drawing: _Drawing) -> str:
    """The measured end and the forecast's, each named where it is: above its band, or below where that is too high."""
    last = points[-1]
    parts = [f'<circle class="dot" cx="{drawing.x(last.labels):.1f}" cy="{drawing.y(last.estimate):.1f}" r="4.5"/>']
    parts.append(_name(last, f"measured {_percent(last.estimate)}", "name", drawing, True))
    if to_come:
        end = to_come[-1]
        x, y = drawing.place(end.labels, end.estimate).split(",")
        parts.append(f'<circle class="dot to-come" cx="{x}" cy="{y}" r="4"/>')
        parts.append(
            _name(
                end,
                f"forecast {_percent(end.estimate)}, {100 * end.low:.0f} to {100 * end.high:.0f}",
                "name to-come",
                drawing,
                False,
            )
        )
    return "".join(parts)


def _name(point: Point, text: str, name: str, drawing: _Drawing, above: bool) -> str:
    y = drawing.y(point.high) - 8 if above else drawing.y(point.low) + 18
    y = max(TOP - 8, min(y, drawing.size[1] - BOTTOM - 6))
    return f'<text class="{name}" text-anchor="end" x="{drawing.x(point.labels):.1f}" y="{y:.1f}">{text}</text>'


def _scale(low: float) -> tuple[float, int]:
    """Where the axis of shares begins, and in how many steps of a tenth or a fifth it reaches 1."""
    size = 10 if low > 0.5 else 5
    first = min(int(low * size), size - 1)
    return first / size, size - first


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u202f%"


def _grid(drawing: _Drawing) -> str:
    width, height = drawing.size
    parts = []
    for step in range(drawing.rules + 1):
        share = drawing.floor + (1 - drawing.floor) * step / drawing.rules
        y = drawing.y(share)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" text-anchor="end" x="{LEFT - 8}" y="{y + 4:.1f}">{_percent(share)}</text>')
    for labels in _ticks(drawing.most, 5 if width == WIDE[0] else 4):
        x, y = drawing.x(labels), height - BOTTOM + 18
        parts.append(f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{y}">{labels:,}</text>')
    parts.append(f'<text class="tick" text-anchor="end" x="{width - RIGHT}" y="{height - 4}">labels</text>')
    return "".join(parts)


def _ticks(most: int, steps: int) -> list[int]:
    """At most so many steps of round numbers from 0 to `most`."""
    size = 1
    while most / size > steps:
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


def steps(took: Mapping[str, float], order: Sequence[str], most: float, said: str) -> Markup:
    """Seconds of a round's steps side by side, on a scale that ends at `most`; `said` tells them in words."""
    scale, at, parts = 120 / most if most > 0 else 0.0, 0.0, []
    for number, name in enumerate(order):
        width = max(0.0, took.get(name, 0.0)) * scale
        parts.append(f'<rect class="step-{number % 8}" x="{at:.2f}" width="{width:.2f}" height="10"/>')
        at += width
    ground = '<rect class="bar-ground" width="120" height="10"/>'
    return Markup(  # noqa: S704  # numbers only inside; the sentence is escaped
        f'<svg class="steps" viewBox="0 0 120 10" role="img" aria-label="{escape(said)}">'
        f"<title>{escape(said)}</title>{ground}{''.join(parts)}</svg>"
    )


def _svg(name: str, width: int, height: int, title: str, said: str, inside: str) -> Markup:
    told = name.replace(" ", "-")
    return Markup(  # noqa: S704  # numbers only inside; both sentences are escaped
        f'<svg class="{name}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{told}-title {told}-said">'
        f'<title id="{told}-title">{escape(title)}</title><desc id="{told}-said">{escape(said)}</desc>'
        f"{inside}</svg>"
    )
