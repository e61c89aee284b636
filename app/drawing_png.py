"""The same drawings as PNG, by Pillow: drawn three times as large and made smaller, so that lines are smooth."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from math import hypot

from PIL import Image, ImageDraw, ImageFont

from app.drawing import COLOURS, DASHES, Shape

SCALE, SMOOTH = 2, 3  # pixels for a unit of the drawing, and how many times finer it is drawn
INK, RULE, FAINT = (93, 90, 83), (227, 224, 216), (139, 135, 125)
Colour = tuple[int, int, int]


def png(shapes: Sequence[Shape], width: float, height: float) -> bytes:
    """The drawing on white."""
    k = SCALE * SMOOTH
    image = Image.new("RGB", (round(width * k), round(height * k)), "white")
    for shape in shapes:
        if shape.kind == "area":
            image = _area(image, shape, k)
        elif shape.kind == "line":
            _line(ImageDraw.Draw(image), shape, k)
    image = image.resize((round(width * SCALE), round(height * SCALE)), Image.Resampling.LANCZOS)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12 * SCALE)
    for shape in shapes:
        if shape.kind == "text":
            x, y = shape.points[0]
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
            draw.text((x * SCALE, y * SCALE), shape.text, _colour(shape) or INK, font, anchor)
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _colour(shape: Shape) -> Colour | None:
    if shape.series < 0:
        return None
    code = COLOURS[shape.series % len(COLOURS)]
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def _area(image: Image.Image, shape: Shape, k: int) -> Image.Image:
    """Mixed in at the strength that the style sheet gives bands."""
    over = image.copy()
    ImageDraw.Draw(over).polygon([(x * k, y * k) for x, y in shape.points], fill=_colour(shape))
    return Image.blend(image, over, 0.13 if shape.role == "band" else 0.05)


def _line(draw: ImageDraw.ImageDraw, shape: Shape, k: int) -> None:
    colour = _colour(shape) or (RULE if shape.role == "rule" else FAINT)
    width = 2.2 if shape.role == "line" else 1.0
    dashes = {"line": DASHES[shape.series % len(DASHES)], "ceiling": (2, 3)}.get(shape.role, ())
    for piece in _pieces(shape.points, dashes):
        draw.line([(x * k, y * k) for x, y in piece], fill=colour, width=round(width * k), joint="curve")


def _pieces(points: Sequence[tuple[float, float]], dashes: Sequence[int]) -> Iterator[list[tuple[float, float]]]:
    """The parts of a line that are drawn; all of it without dashes."""
    if not dashes:
        yield list(points)
        return
    number, left, piece = 0, float(dashes[0]), [points[0]]
    for start, end in pairwise(points):
        length, done = hypot(end[0] - start[0], end[1] - start[1]), 0.0
        while length - done > left:
            done += left
            at = (
                start[0] + (end[0] - start[0]) * done / length,
                start[1] + (end[1] - start[1]) * done / length,
            )
            if number % 2 == 0:
                yield [*piece, at]
            number, piece = number + 1, [at]
            left = float(dashes[number % len(dashes)])
        left -= length - done
        piece.append(end)
    if number % 2 == 0:
        yield piece
