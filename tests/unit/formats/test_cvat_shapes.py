"""Shapes of CVAT, element by element."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from synapse.annotations import Annotation, Box, Group, Keypoint, Mask, Polygon
from synapse.formats import FormatReport
from synapse.formats.cvat_shapes import CvatShapeReader, CvatShapeWriter, clean_text

SIZE = (50, 40)


def write(*annotations: Annotation) -> tuple[ET.Element, FormatReport]:
    image, report = ET.Element("image"), FormatReport()
    CvatShapeWriter("a.jpg", SIZE, report, image).write(annotations)
    return image, report


@pytest.mark.parametrize(
    "shape",
    [
        Box(1, 2, 3, 4, label="car", attributes={"x": 7}),
        Polygon([(1, 1), (9, 1), (9, 9)], label="car"),
        Mask([(55, 3), (105, 3)], size=SIZE, label="car"),
        Keypoint(3, 4, visibility="occluded", label="nose"),
    ],
)
def test_a_shape_comes_back(shape: Annotation) -> None:
    image, report = write(shape)
    (found,) = CvatShapeReader("a.jpg", SIZE, report).read(image)

    assert (type(found), found.label, found.attributes) == (
        *(type(shape), shape.label, shape.attributes),
    )
    assert found.bounds == shape.bounds
    assert not report.lossy + report.skipped
    assert report.annotations == 1


def test_rows_of_a_mask_are_counted_in_its_box() -> None:
    image, _ = write(Mask([(55, 3), (106, 2)], size=SIZE, label="car"))
    element = image[0]
    assert [element.get(name) for name in ("left", "top", "width", "height")] == [
        *("5", "1", "3", "2"),
    ]
    assert element.get("rle") == "0, 3, 1, 2"


def test_one_bad_shape_costs_no_other() -> None:
    image = ET.fromstring(
        '<image><box label="a" xtl="x"/><ellipse label="a"/>'
        '<box label="a" xtl="1" ytl="2" xbr="3" ybr="4"/></image>'
    )
    report = FormatReport()
    (found,) = CvatShapeReader("a.jpg", SIZE, report).read(image)
    assert found.bounds == (1, 2, 2, 2)
    assert report.skipped == {"bad-number": 1, "kind": 1}


def test_joints_of_a_group_are_a_skeleton() -> None:
    joints = [Keypoint(1, 2, label=name, id=name) for name in ("nose", "eye")]
    image, report = write(*joints, Group(["nose", "eye"], label="person"))
    assert [each.tag for each in image] == ["skeleton"]
    assert report.lossy == {"visibility": 2}


def test_characters_of_xml() -> None:
    report = FormatReport()
    assert clean_text("a\0b", "a.jpg", report) == "a\N{REPLACEMENT CHARACTER}b"
    assert report.lossy == {"characters": 1}
