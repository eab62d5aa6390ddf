"""Rows of YOLO's label files."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import Annotation, Box, Group, Keypoint, Mask, Polygon, masks
from synapse.errors import UsageError
from synapse.formats import FormatReport
from synapse.formats.yolo_rows import Frame, RowReader, RowWriter, check_task, parse_row

SIZE = Frame(200, 100)
JOINTS = {"person": ["nose", "left_eye"]}


def write(task: Any, annotations: list[Annotation], frame: Frame = SIZE, **options: Any) -> Any:
    report = FormatReport()
    writer = RowWriter(task, {"car": 0, "person": 1}, JOINTS, 2, **options)
    return list(writer.write(annotations, frame, "a.jpg", report)), report


def read(task: Any, rows: list[str], frame: Frame = SIZE, **options: Any) -> Any:
    report = FormatReport()
    options = {"joints": {1: JOINTS["person"]}, "shape": (2, 3), **options}
    reader = RowReader(task, ["car", "person"], **options)
    return list(reader.read(rows, frame, "a.jpg", report)), report


@pytest.mark.parametrize(
    ("task", "annotation", "row"),
    [
        ("detect", Box(20, 10, 50, 25.5, label="car"), "0 0.225 0.2275 0.25 0.255"),
        ("detect", Box(0, 0, 200, 100, label="person"), "1 0.5 0.5 1 1"),
        ("segment", Polygon([(0, 0), (200, 0), (50, 25)], label="car"), "0 0 0 1 0 0.25 0.25"),
        (
            "obb",
            Box(80, 40, 40, 20, label="car", rotation=math.pi / 2),
            "0 0.55 0.3 0.55 0.7 0.45 0.7 0.45 0.3",
        ),
    ],
    ids=["detect", "whole picture", "segment", "obb"],
)
def test_row_of_each_task(task: str, annotation: Annotation, row: str) -> None:
    rows, report = write(task, [annotation])
    assert (rows, report.annotations, report.details) == ([row], 1, [])
    (found,), report = read(task, rows)
    assert type(found) is type(annotation)
    assert found.label == annotation.label
    assert found.bounds == pytest.approx(annotation.bounds, abs=1e-4)
    assert report.details == []


def test_row_of_a_pose() -> None:
    box = Box(20, 10, 50, 25, label="person", id="b")
    nose = Keypoint(30, 20, label="nose", id="n", visibility="occluded")
    eye = Keypoint(0, 0, label="left_eye", id="e", visibility="missing")
    rows, report = write("pose", [box, eye, nose, Group(["b", "e", "n"])])
    assert rows == ["1 0.225 0.225 0.25 0.25 0.15 0.2 1 0 0 0"]
    assert (report.annotations, report.details) == (3, [])

    (found, *joints, group), report = read("pose", rows)
    assert (found.xywh, found.label) == ((20, 10, 50, 25), "person")
    assert [(each.label, each.x, each.y, each.visibility) for each in joints] == [
        ("nose", 30, 20, "occluded"),
        ("left_eye", 0, 0, "missing"),
    ]
    assert group.members == (found.id, *(each.id for each in joints))
    assert report.details == []


def test_pose_without_labeled_joints_is_a_box() -> None:
    rows, _ = write("pose", [Box(20, 10, 50, 25, label="person")])
    assert rows == ["1 0.225 0.225 0.25 0.25 0 0 0 0 0 0"]
    (found,), _ = read("pose", rows)
    assert isinstance(found, Box)


def test_joints_may_have_no_visibility() -> None:
    found, report = read("pose", ["1 0.5 0.5 1 1 0.25 0.5 0.5 0.5"], shape=(2, 2))
    assert [each.visibility for each in found if isinstance(each, Keypoint)] == [None, None]
    assert report.details == []


def test_prediction_has_a_confidence() -> None:
    (found,), report = read("detect", ["0 0.5 0.5 0.5 0.5 0.875"])
    assert (found.attributes, report.details) == ({"confidence": 0.875}, [])


def test_outlines_may_stand_beside_boxes() -> None:
    found, report = read("segment", ["0 0.5 0.5 0.5 0.5", "0 0 0 1 0 1 1"])
    assert [type(each) for each in found] == [Box, Polygon]
    assert report.details == []


@pytest.mark.parametrize(
    ("task", "row", "code"),
    [
        ("detect", "0 0.1 0.1 nan 0.1", "bad-row"),
        ("detect", "0 0.1 0.1 inf 0.1", "bad-row"),
        ("detect", "car 0.1 0.1 0.1 0.1", "bad-row"),
        ("detect", "0.5 0.1 0.1 0.1 0.1", "bad-row"),
        ("detect", "-1 0.1 0.1 0.1 0.1", "bad-row"),
        ("detect", "1e999 0.1 0.1 0.1 0.1", "bad-row"),
        ("detect", "\0", "bad-row"),
        ("detect", "2 0.1 0.1 0.1 0.1", "unknown-class"),
        ("detect", "0", "row-length"),
        ("detect", "0 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1", "row-length"),
        ("segment", "0 0.1 0.1 0.2 0.2 0.3 0.1 0.1 0.1 0.1 0.1 0.1", "row-length"),
        ("segment", "0 0.1 0.1 0.2 0.2 0.9", "row-length"),
        ("pose", "1 0.1 0.1 0.1 0.1 0.1 0.1 1", "row-length"),
        ("obb", "0 0.1 0.1 0.1 0.1", "row-length"),
        ("detect", "0 0.1 0.1 0 0.1", "no-area"),
        ("detect", "0 0.1 0.1 -0.1 0.1", "no-area"),
        ("segment", "0 0.1 0.1 0.2 0.1 0.3 0.1", "no-area"),
        ("obb", "0 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1", "no-area"),
        ("detect", "0 50 50 10 10", "outside"),
        ("detect", "0 1.5 0.5 0.1 0.1", "outside"),
        ("segment", "0 0.1 0.1 0.2 0.1 0.3 1.1", "outside"),
        ("obb", "0 0.1 0.1 0.2 0.1 0.2 -0.2 0.1 -0.2", "outside"),
    ],
)
def test_bad_row_is_skipped_alone(task: str, row: str, code: str) -> None:
    good = {
        "detect": "0 0.5 0.5 0.5 0.5",
        "segment": "0 0 0 1 0 1 1",
        "pose": "1 0.5 0.5 1 1 0 0 0 0 0 0",
        "obb": "0 0 0 1 0 1 1 0 1",
    }[task]
    found, report = read(task, [good, "", row, good])
    assert len(found) == 2
    assert report.skipped == {code: 1}
    assert report.details[0].reason.startswith("Row 3: ")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_rows_are_relative_to_the_picture_as_shown(task: str, orientation: int) -> None:
    frame = Frame(200, 100, orientation)
    box = Box(20, 10, 50, 30, label="person", id="b")
    nose = Keypoint(30, 12, label="nose", id="k", visibility="visible")
    ring = Polygon([(20, 10), (70, 10), (70, 35)], label="car")
    annotations = {
        "detect": [box],
        "segment": [ring],
        "pose": [box, nose, Group(["b", "k"])],
        "obb": [Box(20, 10, 50, 30, rotation=0.3, label="car")],
    }[task]
    rows, _ = write(task, annotations, frame)
    found, report = read(task, rows, frame)
    assert report.details == []
    assert found[0].bounds == pytest.approx(annotations[0].bounds, abs=1e-4)
    if task == "pose":
        assert (found[1].x, found[1].y) == (30, 12)
    plain, _ = write(task, annotations, SIZE)
    assert (rows == plain) is (orientation == 1)


def test_quarter_turn_moves_the_top_left_to_the_top_right() -> None:
    rows, _ = write("detect", [Box(0, 0, 20, 10, label="car")], Frame(200, 100, 6))
    assert rows == ["0 0.95 0.05 0.1 0.1"]


NUMBERS = st.floats(0, 1)


@given(left=NUMBERS, top=NUMBERS, right=NUMBERS, bottom=NUMBERS, orientation=st.integers(1, 8))
def test_boxes_come_back_within_a_thousandth_of_a_pixel(
    left: float, top: float, right: float, bottom: float, orientation: int
) -> None:
    frame = Frame(4000, 3000, orientation)
    corners = min(left, right), min(top, bottom), max(left, right), max(top, bottom)
    box = Box.from_xyxy(
        corners[0] * 4000, corners[1] * 3000, corners[2] * 4000, corners[3] * 3000, label="car"
    )
    rows, report = write("detect", [box], frame)
    if box.width < 0.01 or box.height < 0.01:
        return  # nothing that anybody drew
    (found,), _ = read("detect", rows, frame)
    assert found.xywh == pytest.approx(box.xywh, abs=1e-3)
    assert report.details == []


@given(
    x=st.floats(100, 200),
    y=st.floats(100, 200),
    width=st.floats(1, 100),
    height=st.floats(1, 100),
    rotation=st.floats(-3.1, 3.1),
)
def test_turned_boxes_come_back_within_a_thousandth_of_a_pixel(
    x: float, y: float, width: float, height: float, rotation: float
) -> None:
    frame = Frame(400, 400)
    box = Box(x, y, width, height, rotation=rotation, label="car")
    rows, _ = write("obb", [box], frame)
    (found,), report = read("obb", rows, frame)
    assert found.xywh == pytest.approx(box.xywh, abs=1e-3)
    assert found.rotation == pytest.approx(rotation, abs=1e-4)
    assert report.details == []


@pytest.mark.parametrize(
    ("task", "annotations", "code", "rows"),
    [
        ("detect", [Box(1, 1, 9, 9, label="car", attributes={"a": 1})], "attributes", 1),
        ("detect", [Mask([(0, 4)], size=(200, 100), label="car")], "shape", 1),
        ("detect", [Polygon([(0, 0), (9, 0), (9, 9)], label="car")], "shape", 1),
        ("detect", [Box(50, 50, 9, 9, label="car", rotation=1)], "rotation", 1),
        ("segment", [Box(50, 50, 9, 9, label="car")], "shape", 1),
        ("obb", [Polygon([(0, 0), (9, 0), (9, 9)], label="car")], "shape", 1),
        (
            "segment",
            [
                Polygon([(0, 0), (9, 0), (9, 9)], label="car", id="p"),
                Polygon([(50, 50), (59, 50), (59, 59)], label="car", id="q"),
                Group(["p", "q"]),
            ],
            "parts",
            2,
        ),
        (
            "pose",
            [Keypoint(5, 5, label="nose", id="k"), Group(["k"], label="person")],
            None,
            0,
        ),
        (
            "pose",
            [
                Keypoint(5, 5, label="nose", id="k", visibility="visible"),
                Keypoint(9, 9, label="left_eye", id="l", visibility="visible"),
                Group(["k", "l"], label="person"),
            ],
            "shape",
            1,
        ),
    ],
)
def test_changes_are_reported(
    task: str, annotations: list[Annotation], code: str | None, rows: int
) -> None:
    found, report = write(task, annotations)
    assert len(found) == rows
    assert dict(report.lossy) == ({code: 1} if code else {})
    assert dict(report.skipped) == ({} if code else {"no-area": 1})


def test_clip_cuts_at_the_edge() -> None:
    box = Box(-20, 10, 60, 25, label="car")
    ring = Polygon([(-20, 0), (20, 0), (20, 20)], label="car")
    rows, report = write("detect", [box], clip=True)
    assert (rows, report.lossy) == (["0 0.1 0.225 0.2 0.25"], {"clipped": 1})
    rows, report = write("segment", [ring], clip=True)
    assert (rows, report.lossy) == (["0 0 0 0.1 0 0.1 0.2"], {"clipped": 1})
    for annotation in (
        Box(-500, 10, 60, 25, label="car"),
        Polygon([(-9, -9), (-1, -9), (-1, -1)], label="car"),
    ):
        rows, report = write("segment", [annotation], clip=True)
        assert (rows, report.skipped) == ([], {"outside": 1})
    (found,), report = read("detect", ["0 -0.01 0.5 0.2 0.2"], clip=True)
    assert (found.xywh, report.lossy) == ((0, 40, 18, 20), {"clipped": 1})


def test_box_that_sticks_out_stays_as_it_is() -> None:
    box = Box(-5, -5, 50, 50, label="car")
    rows, report = write("detect", [box])
    (found,), _ = read("detect", rows)
    assert found.xywh == pytest.approx(box.xywh)
    assert report.details == []


@pytest.mark.parametrize(
    "row", ["", "0 a", "nan 1 1 1 1", "0 1e400 1 1 1", "- 1"], ids=["empty", *"abcd"]
)
def test_row_that_is_none(row: str) -> None:
    with pytest.raises(ValueError, match="not a class index"):
        parse_row(row)


def test_class_index_may_be_written_as_a_fraction() -> None:
    assert parse_row("3.0 0.5") == (3, [0.5])


def test_unknown_task_is_refused() -> None:
    with pytest.raises(UsageError, match="task='boxes'"):
        check_task("boxes")


def test_masks_are_written_as_the_borders_of_their_pixels() -> None:
    # Two parts: a bent one in two rows, and a pixel in the picture's corner.
    mask = Mask([(0, 3), (201, 1), (19_999, 1)], label="car", id="m")
    rows, report = write("segment", [mask])

    assert rows == [
        "0 0 0 0.015 0 0.015 0.01 0.01 0.01 0.01 0.02 0.005 0.02 0.005 0.01 0 0.01",
        "0 0.995 0.99 1 0.99 1 1 0.995 1",
    ]
    assert report.lossy == {"shape": 1, "parts": 1}
    found, report = read("segment", rows)
    drawn = [masks.rasterize(each.points, 200, 100) for each in found]
    assert masks.merge(*drawn) == mask.runs
    assert report.details == []


def test_holes_of_a_mask_are_filled() -> None:
    ring = Mask([(0, 3), (200, 1), (202, 1), (400, 3)], size=(200, 100), label="car")
    rows, report = write("segment", [ring])

    assert rows == ["0 0 0 0.015 0 0.015 0.03 0 0.03"]
    assert report.lossy == {"shape": 1, "holes": 1}
    assert str(report.details[0]) == (
        f"a.jpg, annotation {ring.id!r}: Holes of the mask are filled (1): a row is one outline. "
        "(holes)"
    )


@pytest.mark.parametrize(
    ("mask", "code"),
    [
        (Mask([(0, 3)], size=(100, 200), label="car"), "mask-size"),
        (Mask([(19_999, 2)], label="car"), "mask-size"),
        (Mask([], size=(200, 100), label="car"), "no-area"),
    ],
)
def test_masks_without_an_outline_are_left_out(mask: Mask, code: str) -> None:
    rows, report = write("segment", [mask])
    assert (rows, report.skipped, report.annotations) == ([], {code: 1}, 0)


def test_mask_with_its_box_is_one_row() -> None:
    box = Box(0, 0, 3, 1, label="car", id="b")
    rows, report = write("segment", [box, Mask([(0, 3)], label="car", id="m"), Group(["b", "m"])])
    assert rows == ["0 0 0 0.015 0 0.015 0.01 0 0.01"]
    assert report.lossy == {"shape": 1}


@pytest.mark.parametrize(("task", "row"), [("detect", "0 0.05 0.01 0.1 0.02"), ("obb", None)])
def test_mask_without_a_size_is_of_the_picture(task: str, row: str | None) -> None:
    rows, report = write(task, [Mask([(0, 20), (200, 20)], label="car")])
    assert rows == [row or "0 0 0 0.1 0 0.1 0.02 0 0.02"]
    assert report.lossy == {"shape": 1}
