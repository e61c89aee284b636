"""Learning curves as shapes, SVG and PNG."""

import itertools
import re
from io import BytesIO
from xml.etree import ElementTree

from PIL import Image

from app import drawing
from app.drawing import Series, apart, curves, svg, ticks
from app.drawing_png import png

TWO = [
    Series("margin", [(0, 0.2, 0.1, 0.3), (50, 0.6, 0.5, 0.7), (100, 0.8, 0.7, 0.9)]),
    Series("<random> & co", [(0, 0.2, None, None), (50, 0.4, None, None), (100, 0.6, None, None)]),
]


def test_points_lie_where_the_axes_say():
    shapes = curves(TWO, 500, 300, ceiling=0.9)
    (line, other) = (one for one in shapes if one.role == "line")
    rules = [one for one in shapes if one.role == "rule"]
    bottom, top = rules[0].points[0][1], rules[-1].points[0][1]
    assert line.points[0][0] == rules[0].points[0][0]
    assert line.points[-1][0] == rules[0].points[1][0]
    # The axis begins at 0: shares lie between its ends in proportion.
    assert abs(line.points[-1][1] - (bottom + 0.8 * (top - bottom))) < 1e-9
    assert other.points[1][0] == line.points[1][0]
    assert [one.role for one in shapes].count("band") == 1


def test_the_svg_is_well_formed_named_and_escaped():
    text = svg(curves(TWO, 500, 300), 500, 300, "c", "A <title>", "What it says & means", alone=False)
    root = ElementTree.fromstring(text)
    assert root.attrib["role"] == "img"
    assert [one.text for one in root][:2] == ["A <title>", "What it says & means"]
    assert "<random> & co" in [one.text for one in root]
    assert "style" not in text
    assert "nan" not in text


def test_a_file_of_its_own_has_colours_and_a_page_has_classes():
    alone = svg(curves(TWO, 500, 300), 500, 300, "c", "t", "s", alone=True)
    ElementTree.fromstring(alone)
    assert drawing.COLOURS[0] in alone
    assert "<style>" in alone
    assert 'xmlns="http://www.w3.org/2000/svg"' in alone
    assert re.search(r'class="line s1"', alone)


def test_the_png_shows_every_series_in_its_colour():
    image = Image.open(BytesIO(png(curves(TWO, 400, 260), 400, 260))).convert("RGB")
    assert image.size == (800, 520)
    colours = {pixel for _, pixel in image.getcolors(maxcolors=2**24) or []}
    for code in drawing.COLOURS[:2]:
        wanted = tuple(int(code[i : i + 2], 16) for i in (1, 3, 5))
        assert min(sum(abs(a - b) for a, b in zip(wanted, pixel, strict=True)) for pixel in colours) < 30


def test_names_never_lie_over_each_other_and_stay_near_their_lines():
    placed = apart([100.0, 101.0, 102.0, 200.0])
    assert placed == [85.0, 101.0, 117.0, 200.0]
    assert apart([50.0, 40.0]) == [53.0, 37.0]
    assert apart([]) == []
    many = apart([20.0] * 9)
    assert all(b - a >= drawing.LINE - 1e-9 for a, b in itertools.pairwise(many))
    assert min(many) >= drawing.TOP


def test_names_too_long_for_the_drawing_are_left_to_the_table():
    long = [Series("a strategy with many settings", TWO[0].points)]
    assert [one for one in curves(long, 360, 300) if one.role == "name"] == []
    assert len([one for one in curves(long, 900, 300) if one.role == "name"]) == 1


def test_an_empty_drawing_has_axes_only():
    assert {one.role for one in curves([], 400, 300)} == {"rule", "tick"}
    assert png(curves([], 400, 300), 400, 300).startswith(b"\x89PNG")


def test_ticks_are_round_and_few():
    assert ticks(100) == [0, 20, 40, 60, 80, 100]
    assert ticks(300) == [0, 100, 200, 300]
    assert ticks(7) == [0, 2, 4, 6]
    assert ticks(1000, 3) == [0, 500, 1000]
