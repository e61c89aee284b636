"""Static files: addresses, caching, vendored files' hashes; Markdown; charts."""

import json
import re
from hashlib import sha256
from typing import Any

import pytest

from app.web import charts
from app.web.render import ago, environment, markdown, number, percent, seconds
from app.web.static import FOLDER, digest, files, static
from tests.conftest import NOW


def test_it_works(client_for: Any) -> None:
    found = client_for(None).get(static("app.css"))
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/css")
    assert "immutable" in found.headers["cache-control"]


def test_only_the_present_digest_is_kept_for_ever_and_no_name_leads_out(client_for: Any) -> None:
    client = client_for(None)
    assert client.get("/static/000000000000/app.css").headers["cache-control"] == "no-cache"
    for name in ("..%2fpyproject.toml", "%2e%2e%2fpyproject.toml", "vendor/swagger-ui-5.35.0/LICENSE", "nothing.js"):
        assert client.get(f"/static/{digest()}/{name}").status_code == 404


def test_vendored_files_are_what_the_list_says() -> None:
    listed = json.loads((FOLDER / "vendor" / "vendor.json").read_text())
    for one in listed:
        folder = FOLDER / "vendor" / one["folder"]
        assert one["sha256"] == {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert {one["folder"] for one in listed} == {path.name for path in (FOLDER / "vendor").iterdir() if path.is_dir()}


def test_every_module_imports_files_that_exist() -> None:
    for name, path in files().items():
        if path.suffix == ".js" and "vendor" not in name:
            for imported in re.findall(r'from "(\./[\w/.-]+)"', path.read_text()):
                assert (path.parent / imported).is_file(), f"{name}: {imported}"


def test_every_template_can_be_read_and_names_only_files_that_exist() -> None:
    for name in environment().list_templates():
        environment().get_template(name)
        source = (FOLDER.parent / "templates" / name).read_text()
        for asset in re.findall(r"static\('([^'~]+)'\)", source):
            assert asset in files(), f"{name}: {asset}"


@pytest.mark.parametrize("evil", ["[x](javascript:alert(1))", "[x](data:text/html,1)", "<b onclick=x>", "[x](//a.b)"])
def test_markdown_lets_nothing_active_through(evil: str) -> None:
    assert not re.search(r"<(a|b|img|script)\b", markdown(evil))


def test_markdown_loads_no_image_from_elsewhere() -> None:
    assert "<img" not in markdown("![x](http://a.example/b.png)")


def test_markdown_links_tell_nothing_to_where_they_lead() -> None:
    assert 'rel="noopener nofollow"' in markdown("[x](https://example.org)")
    assert "<strong>b</strong>" in markdown("**b**")


def test_numbers_read_well() -> None:
    assert (percent(0.724), percent(None), number(12345)) == ("72\u00a0%", "–", "12\u202f345")
    assert (seconds(0.34), seconds(2.14), seconds(600)) == ("340\u00a0ms", "2.1\u00a0s", "10\u00a0min")
    assert ago(NOW, NOW) == "just now"


def test_the_curve_says_in_words_what_it_shows() -> None:
    points = [charts.Point(10, 0.5, 0.3, 0.7), charts.Point(100, 0.8, 0.7, 0.9)]
    drawn = charts.learning_curve(points)
    assert "rises from 50% at 10 labels; at 100 labels it is 80% (between 70% and 90%)" in drawn
    assert drawn.count("<polygon") == 1
    assert " style=" not in drawn
    assert charts.learning_curve([]) == ""


def test_a_forecast_is_named_with_its_band_and_has_ids_of_its_own_on_a_phone() -> None:
    points = [charts.Point(10, 0.5, 0.3, 0.7), charts.Point(100, 0.8, 0.7, 0.9)]
    to_come = [points[-1], charts.Point(200, 0.84, 0.72, 0.93)]
    wide, narrow = charts.learning_curve(points, to_come), charts.learning_curve(points, to_come, narrow=True)
    for drawn in (wide, narrow):
        assert ">measured 80\u202f%<" in drawn
        assert ">forecast 84\u202f%, 72 to 93<" in drawn
        assert drawn.count("<polygon") == 2
        assert "Forecast for 200 labels: between 72% and 93%." in drawn
    assert not set(re.findall(r'id="([^"]+)"', wide)) & set(re.findall(r'id="([^"]+)"', narrow))


def test_a_curve_of_one_point_and_one_of_certainty_can_be_drawn() -> None:
    for point in (charts.Point(0, 1.0, 1.0, 1.0), charts.Point(7, 0.0, 0.0, 0.0)):
        assert "NaN" not in charts.learning_curve([point])
        assert "<svg" in charts.learning_curve([point])


def test_the_curves_rules_stand_at_round_shares() -> None:
    drawn = charts.learning_curve([charts.Point(10, 0.5, 0.13, 0.7), charts.Point(20, 0.9, 0.8, 1.0)])
    assert re.findall(r">(\d+)\u202f%<", drawn) == ["0", "20", "40", "60", "80", "100"]
    drawn = charts.learning_curve([charts.Point(10, 0.9, 0.84, 0.95)])
    assert re.findall(r">(\d+)\u202f%<", drawn) == ["80", "90", "100"]


def test_texts_come_squeezed_to_those_who_can_read_it(client_for: Any) -> None:
    client = client_for(None)
    for asked, told in (("gzip, br", "gzip"), ("identity", None)):
        found = client.get(static("label.js"), headers={"Accept-Encoding": asked})
        assert found.headers.get("content-encoding") == told
        assert found.headers["vary"] == "Accept-Encoding"
        assert found.content == (FOLDER / "label.js").read_bytes()
