"""Annotations as detections of supervision itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import supervision as sv

from synapse.annotations import Annotation, Box, Group, Keypoint, Label, Mask, Polygon, masks
from synapse.errors import UsageError
from synapse.formats import from_supervision, to_supervision

SIZE = (60, 40)
RING = Mask([(0, 3), (60, 1), (62, 1), (120, 3)], size=SIZE, label="ring", id="m")


def test_boxes_masks_and_outlines() -> None:
    parts = [
        Polygon([(10, 0), (19, 0), (19, 9)], label="roof", id="p"),
        Polygon([(20, 0), (29, 0), (29, 9)], label="roof", id="q"),
        Group(["p", "q"]),
    ]
    box = Box(1.25, 2.5, 3, 4, label="car", id="b", attributes={"confidence": 0.5, "wet": True})
    others = [Label(label="day"), Keypoint(1, 2, label="nose", id="k")]

    found = to_supervision([box, *parts, RING, *others])

    assert isinstance(found, sv.Detections)
    assert found.xyxy.tolist() == [[1.25, 2.5, 4.25, 6.5], [10, 0, 29, 9], [0, 0, 3, 3]]
    assert found.class_id.tolist() == [0, 2, 1]
    assert found["class_name"].tolist() == ["car", "roof", "ring"]
    assert found.confidence.tolist() == [0.5, 1, 1]
    assert found["id"].tolist() == ["b", "p", "m"]
    assert found["attributes"].tolist() == [{"confidence": 0.5, "wet": True}, {}, {}]
    assert masks.from_array(found.mask[2]) == RING.runs
    outlines = [masks.rasterize(each.points, *SIZE) for each in parts if isinstance(each, Polygon)]
    assert masks.from_array(found.mask[1]) == masks.merge(*outlines)
    assert masks.from_array(found.mask[0]) == masks.rasterize(box.corners, *SIZE)


def test_detections_come_back() -> None:
    annotations = [
        Box(1.25, 2.5, 3, 4, label="car", id="b", attributes={"confidence": 0.5}),
        Box(20, 20, 10, 5, label="car", id="t", rotation=0.5),
        RING,
    ]

    # Through the filters and joins that people use.
    detections = sv.Detections.merge([to_supervision(annotations, ["ring", "car"])])
    box, turned, mask = from_supervision(detections[detections.area > 0])

    assert box == annotations[0]
    assert isinstance(turned, Box)
    assert turned.xywh == pytest.approx((20, 20, 10, 5))
    assert turned.rotation == pytest.approx(0.5)
    assert mask == RING


def test_overlap_agrees() -> None:
    first, second = Box(0, 0, 10, 10, label="a"), Box(5, 0, 10, 10, label="a")
    found = to_supervision([first, second])

    assert sv.box_iou_batch(found.xyxy, found.xyxy)[0, 1] == pytest.approx(1 / 3)


def test_turned_box_has_the_corners_of_supervision() -> None:
    found = to_supervision([Box(10, 10, 20, 10, label="car", rotation=math.pi / 2)])

    assert found.xyxy[0].tolist() == pytest.approx([15, 5, 25, 25])
    corners = found.data[sv.config.ORIENTED_BOX_COORDINATES]
    assert corners[0].ravel().tolist() == pytest.approx([25, 5, 25, 25, 15, 25, 15, 5])
    assert sv.oriented_box_iou_batch(corners, corners)[0, 0] == pytest.approx(1, abs=0.02)


def test_detections_of_a_model() -> None:
    pixels = np.zeros((2, 40, 60), dtype=bool)
    pixels[0, 5:10, 5:20] = True
    detections = sv.Detections(
        # The first box is supervision's own for the mask, whose last pixel is 19, 9.
        xyxy=np.array([[5, 5, 19, 9], [30, 0, 40, 10]], dtype=np.float32),
        mask=pixels,
        class_id=np.array([1, 0]),
        confidence=np.array([0.25, 0.75], dtype=np.float32),
    )
    assert sv.mask_to_xyxy(pixels)[0].tolist() == [5, 5, 19, 9]

    first, second = from_supervision(detections, ["bus", "car"])

    assert isinstance(first, Mask)
    assert (first.label, first.bounds, first.size) == ("car", (5, 5, 15, 5), SIZE)
    assert first.attributes == {"confidence": 0.25}
    assert isinstance(second, Box)
    assert (second.label, second.xywh) == ("bus", (30, 0, 10, 10))
    assert [each.id for each in from_supervision(detections, ["bus", "car"])] == [
        first.id,
        second.id,
    ]


def test_box_beside_a_mask_stays() -> None:
    pixels = np.zeros((1, 40, 60), dtype=bool)
    pixels[0, 5:10, 5:20] = True
    detections = sv.Detections(np.array([[0.0, 0, 30, 30]]), mask=pixels, class_id=np.array([0]))

    mask, box, group = from_supervision(detections, ["car"])

    assert (mask.bounds, box.bounds) == ((5, 5, 15, 5), (0, 0, 30, 30))
    assert isinstance(group, Group)
    assert group.members == (mask.id, box.id)


def test_nothing_is_nothing() -> None:
    assert len(to_supervision([])) == 0
    assert from_supervision(to_supervision([])) == []
    assert from_supervision(sv.Detections.empty()) == []


@pytest.mark.parametrize(
    ("annotations", "options", "message"),
    [
        ([Box(1, 1, 2, 2, id="b")], {}, "'b' has no class"),
        ([Box(1, 1, 2, 2, label="bus", id="b")], {"classes": ["car"]}, "'b' has the class 'bus'"),
        ([Box(1, 1, 2, 2, label="bus")], {"classes": "bus"}, "is not a list"),
        ([Polygon([(0, 0), (5, 0), (5, 5)], label="car")], {}, r"Pass size=\(width, height\)"),
        ([Mask([], label="car", id="m")], {"size": SIZE}, "'m' can't be a detection"),
        ([Mask([(0, 9)], size=(9, 9), label="car")], {"size": SIZE}, "the picture of"),
    ],
)
def test_wrong_annotations_are_refused(
    annotations: list[Annotation], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        to_supervision(annotations, **options)


@pytest.mark.parametrize(
    ("classes", "message"), [(None, "no class names"), (["car"], "class id 1, and classes= has 1")]
)
def test_unnamed_detections_are_refused(classes: list[str] | None, message: str) -> None:
    detections = sv.Detections(np.array([[0.0, 0, 9, 9]]), class_id=np.array([1]))
    with pytest.raises(UsageError, match=message):
        from_supervision(detections, classes)
