"""The frame of coordinates: one decision on EXIF turns and on shapes outside the picture."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse.annotations import (
    Annotation,
    Box,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Polyline,
    masks,
)
from synapse.formats import FormatReport
from synapse.formats.picture_frame import (
    FRAME_LOSSES,
    PictureFrame,
    choose_frame,
    parse_size,
)

from .frame_cases import SHOWN, STORED, save_picture, show

TURNED = (5, 6, 7, 8)


@pytest.mark.parametrize("orientation", TURNED)
def test_shapes_are_turned_to_where_the_picture_has_them(orientation: int) -> None:
    stored = Box(10, 4, 20, 6, rotation=0.3)
    corners = [show(orientation, *corner) for corner in stored.corners]
    points = [(3.0, 4.0), (20.0, 7.5), (9.0, 25.0)]
    ring = [show(orientation, *point) for point in points]
    center = show(orientation, 20, 7)
    mirrored = orientation in (5, 7)
    shown = Box.from_cxcywh(*center, 6, 20, rotation=-0.3 if mirrored else 0.3)
    assert {(round(x, 6), round(y, 6)) for x, y in shown.corners} == {
        (round(x, 6), round(y, 6)) for x, y in corners
    }
    annotations = [shown, Polygon(ring), Polyline(ring), Keypoint(*ring[0]), Label(label="x")]

    frame = PictureFrame(SHOWN, orientation)
    report = FormatReport()
    box, polygon, line, joint, label = frame.place(annotations, "a.jpg", report)

    assert frame.stored_size == STORED
    assert isinstance(box, Box)
    assert box.xywh == stored.xywh
    assert math.isclose(box.rotation, 0.3)
    assert isinstance(polygon, Polygon)
    assert polygon.points == tuple(points)
    assert isinstance(line, Polyline)
    assert line.points == tuple(points)
    assert isinstance(joint, Keypoint)
    assert (joint.x, joint.y) == points[0]
    assert label is annotations[-1]
    assert not report.lossy


@pytest.mark.parametrize("orientation", TURNED)
def test_masks_are_turned_pixel_by_pixel(orientation: int) -> None:
    pixels = {(0, 0), (1, 0), (59, 29), (40, 3), (40, 4), (41, 4)}
    shown: list[int] = []
    for x, y in pixels:
        column, row = show(orientation, x + 0.5, y + 0.5)
        shown.append(int(row) * SHOWN[0] + int(column))
    mask = Mask(masks.from_indices(shown), size=SHOWN)

    (found,) = PictureFrame(SHOWN, orientation).place([mask], "a.jpg", FormatReport())

    assert isinstance(found, Mask)
    assert found.size == STORED
    assert {(at % 60, at // 60) for at in masks.to_indices(found.runs)} == pixels


def test_a_joint_without_a_place_stays() -> None:
    joint = Keypoint(0, 0, visibility="missing")
    assert PictureFrame(SHOWN, 6).place([joint], "a.jpg", FormatReport()) == [joint]
    other = Mask([(0, 1)], size=(5, 5))
    assert PictureFrame(SHOWN, 6).place([other], "a.jpg", FormatReport()) == [other]


def test_shapes_outside_and_partly_outside() -> None:
    inside, partly = Box(1, 1, 5, 5, id="in"), Box(-5, 20, 10, 20, id="partly")
    outside = Box(60, 0, 5, 5, id="out")
    ring = Polygon([(50, 10), (70, 10), (70, 20)], id="ring")
    line = Polyline([(10, 10), (10, 40)], id="line")
    joint = Keypoint(-3, 5, id="joint")
    groups = [Group(["in", "out", "joint"], id="g"), Group(["in", "out"], id="h")]
    everything: list[Annotation] = [inside, partly, outside, ring, line, joint, *groups]
    frame = PictureFrame(STORED)

    report = FormatReport()
    found = frame.place(everything, "a.jpg", report)
    assert found == [
        *(inside, partly, ring, line, joint),
        attrs.evolve(groups[0], members=["in", "joint"]),
    ]
    assert (report.skipped, report.lossy) == ({"outside": 1}, {})

    report = FormatReport()
    found = frame.place(everything, "a.jpg", report, clip=True)
    assert found[:2] == [inside, Box(0, 20, 5, 10, id="partly")]
    assert [each.id for each in found] == ["in", "partly", "ring", "line", "joint", "g"]
    assert found[2:5] == [
        Polygon([(50, 10), (60, 10), (60, 20)], id="ring"),
        Polyline([(10, 10), (10, 30)], id="line"),
        Keypoint(0, 5, id="joint"),
    ]
    assert (report.skipped, report.lossy) == ({"outside": 1}, {"clipped": 4})

    assert PictureFrame(None).place(everything, "a.jpg", FormatReport(), clip=True) == everything


def test_the_picture_tells_the_frame(tmp_path: Path) -> None:
    path = save_picture(tmp_path / "a.jpg", 6)
    report = FormatReport()

    assert choose_frame(path, STORED, "a.jpg", report) == PictureFrame(STORED)
    assert choose_frame(path, None, "a.jpg", report) == PictureFrame(STORED)
    assert choose_frame(None, SHOWN, "a.jpg", report) == PictureFrame(SHOWN)
    assert choose_frame(tmp_path / "none.jpg", SHOWN, "a.jpg", report) == PictureFrame(SHOWN)
    assert not report.lossy
    assert choose_frame(path, SHOWN, "a.jpg", report) == PictureFrame(SHOWN, 6)
    assert report.lossy == {"turned": 1}
    assert choose_frame(path, (3, 4), "a.jpg", report) == PictureFrame(STORED)
    upright = save_picture(tmp_path / "b.jpg", 3)
    assert choose_frame(upright, SHOWN, "b.jpg", report) == PictureFrame(STORED)
    assert report.lossy == {"turned": 1, "size-differs": 2}


@pytest.mark.parametrize("size", [(10**9, 1), (2**15, 2**15)])
def test_sizes_that_no_picture_has(tmp_path: Path, size: tuple[int, int]) -> None:
    report = FormatReport()
    assert choose_frame(None, size, "a.jpg", report).size is None
    path = save_picture(tmp_path / "a.jpg")
    assert choose_frame(path, size, "a.jpg", report).size == STORED
    assert report.lossy == {"size-differs": 2}


@pytest.mark.parametrize(
    ("sides", "size"),
    [((3, "4"), (3, 4)), ((0, 4), None), ((None, 4), None), (("a", 1), None), (("nan", 1), None)],
)
def test_stated_sizes(sides: tuple[Any, Any], size: Any) -> None:
    assert parse_size(*sides) == size


def test_all_formats_explain_the_codes_alike() -> None:
    for name in ("coco", "csv_boxes", "cvat", "label_studio", "labelme", "voc"):
        losses = import_module(f"synapse.formats.{name}").LOSSES
        assert FRAME_LOSSES.items() <= losses.items()


@pytest.mark.parametrize(
    "shape",
    [
        Box(0, 0, 1e308, 1e308),
        Polygon([(0, 0), (1e300, 0), (0, 1e300)]),
        Polyline([(0, 0), (-1e300, 0)]),
        Keypoint(1e300, 0),
    ],
)
@pytest.mark.parametrize("size", [None, STORED])
def test_numbers_beyond_measure(shape: Annotation, size: Any) -> None:
    report = FormatReport()
    assert PictureFrame(size).place([shape], "a.jpg", report) == []
    assert report.skipped == {"bad-number": 1}
