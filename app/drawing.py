"""Learning curves as shapes on a plane, and those as SVG; for pages and for files, with no library for plots."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, TOP, BOTTOM = 46.0, 14.0, 42.0
NAME_WIDTH = 8.6  # of a bold character of 12 px in the widest of the usual typefaces
LINE = 16.0  # between two names
FEW = 4  # series whose bands can be told apart where they overlap
# For files; pages have their own in both themes. Told apart by most colour-blind people, and by their dashes.
COLOURS = ("#3d46b8", "#c2571a", "#2a8a57", "#b23a6f", "#7a5bd0", "#8f7108", "#0c8496", "#5a6472")
DASHES = ((), (7, 4), (2, 4), (10, 4, 2, 4), (14, 5), (5, 3, 1, 3), (1, 3), (9, 3, 3, 3))
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#5d5a53}.rule{stroke:#e3e0d8}"
    ".ceiling{stroke:#8b877d;stroke-dasharray:2 3}"
    ".line{fill:none;stroke:currentColor;stroke-width:2.2;stroke-linejoin:round}.band{fill:currentColor;opacity:.13}.faint{fill:currentColor;opacity:.05}"
    ".name{font-weight:600;fill:currentColor}.lead{stroke:currentColor;stroke-width:1;opacity:.5}"
)


@dataclass(frozen=True)
class Series:
    """One curve: (x, y, low, high) in the order of x, y being a share; low and high None without a band."""

    name: str
    points: Sequence[tuple[float, float, float | None, float | None]]


@dataclass(frozen=True)
class Shape:
    """A part of a drawing: `kind` is "line", "area" or "text", `role` its class; `series` its colour, −1 for none."""

    kind: str
    role: str
    points: tuple[tuple[float, float], ...]
    text: str = ""
    anchor: str = "start"
    series: int = -1


@dataclass(frozen=True)
class Plane:
    """Where labels and shares lie in a drawing: x from 0 to `most`, y from `floor` to 1."""

    width: float
    height: float
    most: float
    floor: float

    def place(self, x: float, share: float) -> tuple[float, float]:
        """The place of a point; what lies outside is drawn at the edge."""
        inside = min(max((share - self.floor) / (1 - self.floor), 0.0), 1.0)
        return LEFT + self.width * x / self.most, TOP + (self.height - TOP - BOTTOM) * (1 - inside)


def curves(
    series: Sequence[Series], width: float, height: float, ceiling: float | None = None, unit: str = "labels"
) -> list[Shape]:
    """Axes, bands, lines and their names at the right end; `ceiling` is a line of its own, for all labels.

    Names that would take more than a third of the width are left out; a table beside has them, with `key`.
    """
    right = 14 + NAME_WIDTH * max((len(one.name) for one in series), default=0)
    is_named = right <= width / 3
    right = right if is_named else 14.0
    most = max((point[0] for one in series for point in one.points), default=0) or 1
    lows = [low if low is not None else y for one in series for _, y, low, _ in one.points]
    floor, steps = _scale(min(lows, default=0.0))
    plane = Plane(max(width - LEFT - right, 80.0), height, most, floor)
    shapes = _axes(plane, steps, unit)
    if ceiling is not None:
        left, level = plane.place(0, ceiling)
        shapes.append(Shape("line", "ceiling", ((left, level), plane.place(most, ceiling))))
        shapes.append(Shape("text", "tick", ((left + 4, level - 5),), "all labels"))
    for number, one in enumerate(series):
        upper = [plane.place(x, high) for x, _, _, high in one.points if high is not None]
        lower = [plane.place(x, low) for x, _, low, _ in one.points if low is not None]
        if len(upper) > 1:
            shapes.append(
                Shape("area", "band" if len(series) <= FEW else "faint", (*upper, *reversed(lower)), series=number)
            )
    for number, one in enumerate(series):
        shapes.append(Shape("line", "line", tuple(plane.place(x, y) for x, y, _, _ in one.points), series=number))
    return shapes + _names(plane, series) if is_named else shapes


def _axes(plane: Plane, steps: int, unit: str) -> list[Shape]:
    shapes = []
    for step in range(steps + 1):
        share = plane.floor + (1 - plane.floor) * step / steps
        left, level = plane.place(0, share)
        shapes.append(Shape("line", "rule", ((left, level), (left + plane.width, level))))
        shapes.append(Shape("text", "tick", ((left - 8, level + 4),), f"{share:.0%}", "end"))
    for labels in ticks(plane.most, max(2, int(plane.width // 70))):
        x, y = plane.place(labels, plane.floor)
        shapes.append(Shape("text", "tick", ((x, y + 18),), f"{labels:,}", "middle"))
    return [*shapes, Shape("text", "tick", ((LEFT + plane.width / 2, plane.height - 4),), unit, "middle")]


def _names(plane: Plane, series: Sequence[Series]) -> list[Shape]:
    """Each name beside its line's end, led to from there where it had to give way to another."""
    ends = [plane.place(*one.points[-1][:2]) if one.points else (LEFT, TOP) for one in series]
    shapes = []
    for number, (one, end, level) in enumerate(zip(series, ends, apart([end[1] for end in ends]), strict=True)):
        shapes.append(Shape("line", "lead", (end, (LEFT + plane.width + 8, level)), series=number))
        shapes.append(Shape("text", "name", ((LEFT + plane.width + 11, level + 4),), one.name, series=number))
    return shapes


def svg(shapes: Sequence[Shape], width: float, height: float, name: str, title: str, said: str, alone: bool) -> str:
    """The drawing as SVG. `alone`: a file of its own with colours; else classes only, for a page's style sheet."""
    head = f'<svg class="curves" viewBox="0 0 {width:g} {height:g}" role="img"'
    if alone:
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"' + head[4:]
    head += f' aria-labelledby="{name}-title {name}-said">'
    head += f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-said">{escape(said)}</desc>'
    ground = f'<style>{STYLE}</style><rect width="{width:g}" height="{height:g}" fill="#fff"/>' if alone else ""
    return head + ground + "".join(_element(shape, alone) for shape in shapes) + "</svg>"


def key(number: int) -> str:
    """A short piece of a series' line as SVG, for the tables of a page."""
    line = Shape("line", "line", ((1, 4), (27, 4)), series=number)
    return f'<svg class="curves-key" viewBox="0 0 28 8" aria-hidden="true">{_element(line, alone=False)}</svg>'


def _element(shape: Shape, alone: bool) -> str:
    kind = f'class="{shape.role}{f" s{shape.series % len(COLOURS)}" if shape.series >= 0 else ""}"'
    if alone and shape.series >= 0:
        kind += f' color="{COLOURS[shape.series % len(COLOURS)]}"'
    if shape.role == "line" and DASHES[shape.series % len(DASHES)]:
        kind += f' stroke-dasharray="{" ".join(map(str, DASHES[shape.series % len(DASHES)]))}"'
    if shape.kind == "text":
        x, y = shape.points[0]
        return f'<text {kind} text-anchor="{shape.anchor}" x="{x:.1f}" y="{y:.1f}">{escape(shape.text)}</text>'
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
    return f'<{"polygon" if shape.kind == "area" else "polyline"} {kind} points="{points}"/>'


def apart(wanted: Sequence[float], gap: float = LINE) -> list[float]:
    """Places for names near the wanted ones, in the same order, no two nearer than the gap."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[list[int]] = []
    for i in order:
        blocks.append([i])
        while len(blocks) > 1 and _top(blocks[-1], wanted, gap) < _top(blocks[-2], wanted, gap) + gap * len(blocks[-2]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    placed = [0.0] * len(wanted)
    for block in blocks:
        for number, i in enumerate(block):
            placed[i] = _top(block, wanted, gap) + gap * number
    return placed


def _top(block: Sequence[int], wanted: Sequence[float], gap: float) -> float:
    """Where a block of names begins so that it lies around what its members want, and not above the drawing."""
    return max(TOP, sum(wanted[i] for i in block) / len(block) - gap * (len(block) - 1) / 2)


def ticks(most: float, count: int = 6) -> list[int]:
    """At most about so many round numbers from 0 to `most`."""
    size = 1
    while most / size > count - 1:
        size = size * 5 // 2 if str(size)[0] == "2" else size * 2
    return list(range(0, int(most) + 1, size))


def _scale(low: float) -> tuple[float, int]:
    """Where the axis of shares begins, and in how many steps of a tenth or a fifth it reaches 1."""
    size = 10 if low > 0.5 else 5
    first = min(int(max(low, 0.0) * size), size - 1)
    return first / size, size - first
