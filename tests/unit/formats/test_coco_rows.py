"""Rows of COCO files."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.annotations import Box, Group, Keypoint, Mask, Polygon
from synapse.formats import DataSetClass, FormatReport, Sample
from synapse.formats.coco_rows import CategoryRegistry, CocoRowReader, CocoRowWriter, join_bounds


def read(*rows: dict[str, Any], **options: Any) -> tuple[list[Any], FormatReport]:
    report = FormatReport()
    reader = CocoRowReader({1: "car"}, {"car": DataSetClass("car", keypoints=["wheel"])}, **options)
    return list(reader.read(rows, "a.jpg", (40, 30), report)), report


def test_ids_stay_unique_in_a_picture() -> None:
    row = {"category_id": 1, "bbox": [0, 0, 4, 4]}
    found, report = read(row | {"id": 5}, row | {"id": "5"}, row, row)
    assert found[0].id == "5"
    assert len({each.id for each in found}) == 4
    assert report.lossy == {"duplicate-id": 1}
    assert [each.id for each in read(row, row)[0]] == [each.id for each in read(row, row)[0]]


def test_half_a_pixel_is_no_loss() -> None:
    found, report = read({"id": 1, "category_id": 1, "bbox": [-0.5, 0, 41, 30.5]})
    assert found == [Box(-0.5, 0, 41, 30.5, label="car", id="1")]
    assert not report.skipped


def test_unknown_joints_have_their_number() -> None:
    row = {"id": 1, "category_id": 1, "keypoints": [1, 2, 2, 3, 4, 1]}
    first, second, group = read(row)[0]
    assert (first.label, second.label) == ("wheel", "1")
    assert isinstance(group, Group)
    # Nobody drew joints that are all 0.
    assert len(read(row | {"keypoints": [0] * 6, "bbox": [1, 1, 2, 2]})[0]) == 1


def test_attributes_come_from_all_keys() -> None:
    row = {"id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "z": 1, "b": [2], "iscrowd": 1}
    ((box,), _) = read(row | {"attributes": {"z": 3, "rotation": 0}})
    assert dict(box.attributes) == {"b": [2], "z": 3, "iscrowd": True}
    ((box,), _) = read(row | {"attributes": "day"})
    assert box.attributes["attributes"] == "day"


def test_registry_keeps_ids_apart() -> None:
    registry = CategoryRegistry([DataSetClass("a"), DataSetClass("b")], {"b": 1, "other": 2})
    assert [registry.choose_id(name) for name in ("a", "b", "c", "other")] == [3, 1, 4, 2]
    assert registry.find_class(["nose"]) is None
    registry.joints["a"].append("nose")
    assert registry.find_class(["nose"]) == "a"
    registry.joints["b"].append("nose")
    assert registry.find_class(["nose"]) is None


def test_objects_are_one_row() -> None:
    annotations = [
        Box(0, 0, 10, 10, label="car", id="b"),
        Polygon([(0, 0), (10, 0), (10, 10)], label="car", id="p", attributes={"iscrowd": False}),
        Keypoint(1, 2, label="wheel", visibility="missing", id="k"),
        Group(["b", "p", "k"], attributes={"color": "red"}),
        Mask(((0, 2),), label="car"),
    ]
    report = FormatReport()
    writer = CocoRowWriter(CategoryRegistry([], {}), as_polygon=False, report=report)
    first, second = writer.write(Sample("a.jpg", annotations, size=(40, 30)))
    assert first == {
        "category_id": 1,
        "bbox": [0, 0, 10, 10],
        "area": 50,
        "segmentation": [[0, 0, 10, 0, 10, 10]],
        "iscrowd": 0,
        "attributes": {"color": "red"},
        "keypoints": [1, 2, 0],
        "num_keypoints": 0,
    }
    assert (second["bbox"], second["area"]) == ([0, 0, 2, 1], 2)
    assert report.annotations == 4
    assert not report.lossy


def test_bounds_of_shapes() -> None:
    shapes = [Box(0, 1, 2, 2), Polygon([(5, 5), (6, 7)]), Mask(((0, 1),))]
    assert join_bounds(shapes) == (0, 1, 6, 6)
    assert join_bounds([]) is None


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan")])
def test_numbers_beyond_measure(value: float) -> None:
    for at in range(4):
        bbox: list[float] = [1, 1, 1, 1]
        bbox[at] = value
        found, report = read({"id": 1, "category_id": 1, "bbox": bbox})
        assert found == []
        assert set(report.skipped) <= {"bad-number", "outside"}
