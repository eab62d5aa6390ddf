"""Drawings of annotations: right places, valid XML, bounded size."""

from __future__ import annotations

import base64
import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from synapse.annotations import (
    Annotation,
    Box,
    BoxTrack,
    Cuboid,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Polyline,
    Relation,
    read_document,
)
from synapse.annotations.masks import from_png
from synapse.display.colors import assign_colors
from synapse.display.drawing import Drawing, DrawingArea, Embedded, draw, find_size

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*items: Annotation, budget: int = 20_000, **options: Any) -> Drawing:
    area = DrawingArea(**{"size": (200, 100), "width": 200, "height": 200, **options})
    colors = assign_colors(sorted({each.label or "" for each in items}))
    return draw(items, area, colors, budget=budget)


def elements(drawing: Drawing, name: str) -> list[ET.Element]:
    return list(ET.fromstring(drawing.svg).iter(f"{SVG}{name}"))


def paths(drawing: Drawing) -> list[str]:
    return [each.attrib["d"] for each in elements(drawing, "path")]


def test_outlines_are_where_they_belong() -> None:
    drawing = drawn(
        Box(10, 20, 30, 40),
        Polygon([(0, 0), (50, 0), (50, 10)]),
        Polyline([(0, 0), (5, 5)]),
        BoxTrack({7: (1, 1, 1, 1), 3: (100, 50, 20, 10)}),
    )

    assert sorted(paths(drawing)) == [
        "M0 0l5 5",
        "M0 0l50 0 0 10z",
        "M10 20l30 0 0 40 -30 0z",
        "M100 50l20 0 0 10 -20 0z",
    ]
    assert (drawing.width, drawing.height, drawing.drawn, drawing.omitted) == (200, 100, 4, 0)


def test_turned_box_is_turned() -> None:
    path = paths(drawn(Box(50, 40, 40, 20, rotation=math.pi / 2)))[0]

    assert path == "M80 30l0 40 -20 0 0 -40z"


def test_picture_is_scaled_to_the_drawing() -> None:
    drawing = drawn(Box(0, 0, 400, 400), size=(800, 400), width=100, height=100)

    assert (drawing.width, drawing.height) == (100, 50)
    assert paths(drawing) == ["M0 0l50 0 0 50 -50 0z"]


def test_fixed_drawing_has_its_picture_in_the_middle() -> None:
    drawing = drawn(Box(0, 0, 100, 100), size=(100, 100), width=300, height=100, is_fixed=True)

    assert (drawing.width, drawing.height) == (300, 100)
    assert paths(drawing) == ["M100 0l100 0 0 100 -100 0z"]


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [
        (1, (10, 20)),
        (2, (190, 20)),
        (3, (190, 80)),
        (4, (10, 80)),
        (5, (20, 10)),
        (6, (80, 10)),
        (7, (80, 190)),
        (8, (20, 190)),
    ],
)
def test_stored_pixels_are_turned_as_exif_says(orientation: int, corner: tuple[int, int]) -> None:
    """A point of a picture that is stored with 200 x 100 pixels."""
    size = (100, 200) if orientation > 4 else (200, 100)
    drawing = drawn(Keypoint(10, 20), size=size, width=200, height=200, orientation=orientation)

    circle = elements(drawing, "circle")[0].attrib
    assert (float(circle["cx"]), float(circle["cy"])) == corner


def test_points_show_their_visibility() -> None:
    drawing = drawn(
        Keypoint(1, 1, visibility="visible"),
        Keypoint(2, 2, visibility="occluded"),
        Keypoint(3, 3, visibility="missing"),
    )

    assert [each.get("fill-opacity") for each in elements(drawing, "circle")] == [None, ".6"]


def test_mask_is_drawn_in_its_pixels() -> None:
    runs = [(row * 200 + 50, 100) for row in range(20, 60)]
    drawing = drawn(Mask(runs, size=(200, 100), label="road"))

    uri = elements(drawing, "image")[0].attrib["href"]
    png = base64.b64decode(uri.partition(",")[2])
    assert from_png(png) == (tuple((start, length) for start, length in runs), 200, 100)
    assert drawing.drawn == 1


def test_mask_is_as_small_as_the_drawing() -> None:
    runs = [(row * 4000 + 1000, 2000) for row in range(400, 1200)]
    drawing = drawn(Mask(runs, size=(4000, 2000)), size=(4000, 2000))

    uri = elements(drawing, "image")[0].attrib["href"]
    found, width, height = from_png(base64.b64decode(uri.partition(",")[2]))
    assert (width, height) == (200, 100)
    assert (found[0], len(found)) == ((20 * 200 + 50, 100), 40)


@pytest.mark.parametrize(
    "runs", [[(0, 10**12)], [(10**15, 5)], [(n, 1) for n in range(0, 20_000, 2)], []]
)
def test_mask_that_does_not_fit_its_picture(runs: Any) -> None:
    ET.fromstring(drawn(Mask(runs, size=(200, 100))).svg)


def test_relation_joins_two_annotations() -> None:
    drawing = drawn(
        Box(0, 0, 20, 20, id="a"),
        Box(100, 50, 20, 20, id="b"),
        Relation("a", "b"),
        Relation("a", "gone"),
        Group(["a", "b"]),
    )

    assert paths(drawing)[-1] == "M10 10l100 50"
    assert drawing.drawn == 3


def test_cuboid_is_seen_from_above() -> None:
    area = {"size": (100, 100), "width": 100, "height": 100, "origin": (-50, -50)}
    quarter = math.sqrt(0.5)
    for rotation in ((0, 0, math.pi / 2), (quarter, 0, 0, quarter)):
        cuboid = Cuboid((0, 10, 0), (20, 10, 5), rotation)
        assert paths(drawn(cuboid, is_upward=True, **area)) == ["M55 50l0 -20 -10 0 0 20z"]


@pytest.mark.parametrize(
    "label", ["<script>alert(1)</script>", "a\0\udcff", "'\"&", "\n", "漢" * 90]
)
def test_label_is_text(label: str) -> None:
    drawing = drawn(Box(10, 30, 50, 50, label=label))

    text = elements(drawing, "text")[0].text
    assert text is not None
    assert len(text) <= 24
    assert "<script" not in drawing.svg


def test_labels_do_not_cover_each_other() -> None:
    boxes = [Box(10 + n, 30 + n, 50, 50, label=f"class {n}") for n in range(40)]
    drawing = drawn(*boxes)

    rects = [
        tuple(float(each.attrib[name]) for name in ("x", "y", "width", "height"))
        for each in elements(drawing, "rect")
        if "rx" in each.attrib
    ]
    assert 4 < len(rects) <= 20
    for at, (x, y, width, height) in enumerate(rects):
        assert x >= 0
        assert y >= 0
        assert x + width <= 200
        assert y + height <= 100
        for other in rects[:at]:
            assert (
                x >= other[0] + other[2]
                or x + width <= other[0]
                or y >= other[1] + other[3]
                or y + height <= other[1]
            )


def test_polygon_of_a_hundred_thousand_points_is_short() -> None:
    points = [
        (100 + 90 * math.cos(n) * (n % 97) / 97, 50 + 45 * math.sin(n) * (n % 89) / 89)
        for n in range(100_000)
    ]
    drawing = drawn(Polygon(points, label="cloud"))

    assert drawing.drawn == 1
    assert len(drawing.svg) < 8_000


def test_points_that_nobody_could_see_are_left_out() -> None:
    points = [(n / 1000, 10) for n in range(100_000)]

    assert len(re.findall(r"-?[\d.]+ -?[\d.]+", paths(drawn(Polyline(points)))[0])) <= 201


def test_annotations_beyond_the_budget_are_counted() -> None:
    boxes = [Box(n % 100, n % 50, 3 + n % 7, 5) for n in range(500)]
    drawing = drawn(Box(0, 0, 200, 100), *boxes, budget=2_000)

    assert drawing.drawn + drawing.omitted == 501
    assert drawing.omitted > 400
    assert paths(drawing)[0] == "M0 0l200 0 0 100 -200 0z"
    assert len(drawing.svg.encode()) < 2_700


# A document may have what constructors refuse.
NEGATIVE = read_document(
    {
        "annotations": {"image_1": [{"id": "a", "tool": "bounding_box"}]},
        "annotationsData": {
            "image_1": [{"id": "a", "coordinate": {"x": 50, "y": 50, "width": -20, "height": -20}}]
        },
    }
)


@pytest.mark.parametrize(
    "annotation",
    [
        Box(-(10**400), 0, 10**401, 10**401, label="a"),
        Box(1e300, 1e300, 1e300, 1e300),
        Box(5, 5, 0, 0),
        *NEGATIVE,
        Polygon([(10**500, 1), (2, 2), (-(10**500), 3)]),
        Polygon([]),
        Polygon([(5, 5)]),
        Keypoint(10**400, -(10**400)),
        BoxTrack({}),
        Label(label="night"),
    ],
)
def test_odd_geometry_is_no_error(annotation: Annotation) -> None:
    ET.fromstring(drawn(annotation).svg)
    find_size([annotation], None)


def test_size_is_the_known_one_or_that_of_the_annotations() -> None:
    assert find_size([Box(0, 0, 5, 5)], (40, 30)) == (40, 30)
    assert find_size([Box(0, 0, 100, 50)], None) == (105, 52.5)
    assert find_size([Mask([(0, 1)], size=(7, 8))], None) == (7, 8)
    assert find_size([Label(label="a")], None) is None


def test_picture_is_below() -> None:
    drawing = drawn(picture=Embedded(b"abc", "image/jpeg"))

    assert elements(drawing, "image")[0].attrib["href"] == "data:image/jpeg;base64,YWJj"
