"""The picture: well-formed, readable at every size, and with nothing of a name taken for markup."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mlgen.compiler import analyse
from mlgen.graph.layout import Laid, layout
from mlgen.graph.picture import Picture, picture
from mlgen.graph.svg import svg
from tests.engines import browser
from tests.graph.conftest import HOSTILE, wide
from tests.lower.specs import pipeline

ROOT = Path(__file__).resolve().parents[2]
NS = "{http://www.w3.org/2000/svg}"


def overlaps(laid: Laid) -> list[tuple[str, str]]:
    boxes = laid.boxes
    return [
        (a.node.id, b.node.id)
        for index, a in enumerate(boxes)
        for b in boxes[index + 1 :]
        if a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height + 4 and b.y < a.y + a.height + 4
    ]


@pytest.mark.parametrize("jobs", [3, 15, 60, 400])
def test_boxes_stand_apart_within_their_stages_and_the_picture(jobs: int) -> None:
    laid = layout(picture(wide(jobs)))
    assert overlaps(laid) == []
    bands = {band.stage: band for band in laid.bands}
    for box in laid.boxes:
        band = bands[box.node.stage]
        assert band.x < box.x and box.x + box.width < band.x + band.width
        assert box.x > 0 and box.x + box.width < laid.width
        assert box.y > 30 and box.y + box.height < laid.height
    assert all(a.x + a.width < b.x for a, b in zip(laid.bands, laid.bands[1:]))


def test_lines_lead_from_box_to_box_and_pass_none_on_the_way() -> None:
    project, _ = analyse(str(ROOT / "tests/fixtures/features"), "mlgen.yaml")
    laid = layout(picture(project))
    boxes = {box.node.id: box for box in laid.boxes}
    for way in laid.ways:
        if way.line.source in boxes:
            box = boxes[way.line.source]
            assert way.points[0] == (box.x + box.width, box.y + box.height / 2)
        if way.line.target in boxes:
            box = boxes[way.line.target]
            assert way.points[-1][0] == box.x
            assert box.y <= way.points[-1][1] <= box.y + box.height
        for (x0, y0), (x1, y1) in zip(way.points, way.points[1:]):
            crossed = [b.node.id for b in laid.boxes if y0 == y1 and x0 < b.x + 1 < x1 and b.y < y0 < b.y + b.height]
            assert crossed == [], way


def test_a_line_to_an_earlier_stage_is_drawn() -> None:
    found = pipeline("stages: {a: {one: {run: x, needs: [two]}}, b: {two: {run: x, needs: []}}}")
    laid = layout(picture(found))
    (way,) = laid.ways
    assert way.points[0][0] > way.points[-1][0]


def test_every_text_is_escaped(hostile: Picture) -> None:
    root = ET.fromstring(svg(hostile))
    assert next(title.text for title in root.iter(f"{NS}title")) == HOSTILE
    jobs = [group for group in root.iter(f"{NS}g") if "data-job" in group.attrib]
    assert [group.attrib["data-job"] for group in jobs] == [node.id for node in hostile.nodes]
    assert all(group.find(f"{NS}title").text == HOSTILE for group in jobs)  # type: ignore[union-attr]
    assert not any("script" in element.tag for element in root.iter())


def test_it_says_what_it_shows_to_those_who_do_not_see_it() -> None:
    root = ET.fromstring(svg(picture(wide(10))))
    assert root.attrib["role"] == "img"
    named = {element.attrib.get("id"): element.text for element in root.iter() if "id" in element.attrib}
    first, second = root.attrib["aria-labelledby"].split()
    assert named[first] == "wine"
    assert str(named[second]).startswith("10 jobs in 2 stages. s0: j0x0, ")


def test_the_committed_picture_is_current() -> None:
    project, _ = analyse(str(ROOT / "examples/wine-quality"), "mlgen.yaml")
    shown = (ROOT / "docs/wine-quality.svg").read_text("utf-8")
    assert shown == svg(picture(project)), "mlgen graph -C examples/wine-quality -o docs/wine-quality.svg"


def test_a_browser_shows_it_without_a_complaint(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><body>{svg(picture(wide(60)))}</body>", "utf-8")
    shown = browser.show(
        page,
        """const boxes = [...document.querySelectorAll('.job')];
        const width = (box, part) => box.querySelector(part).getBBox().width;
        const wide = boxes.filter(box => width(box, '.name') > width(box, '.body') - 16);
        document.title = boxes.length + ' boxes, ' + wide.length + ' too narrow';""",
    )
    assert shown.console == []
    assert "<title>60 boxes, 0 too narrow</title>" in shown.dom
