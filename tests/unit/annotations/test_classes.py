"""Classes of a project, and the check of annotations against them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from synapse.annotations import (
    Box,
    Group,
    Keypoint,
    Label,
    LabelClass,
    Mask,
    Polygon,
    Relation,
    check_annotations,
    read_classes,
    read_document,
    write_document,
)

PLAIN = {"bounding_box": [" car", "bus"], "polygon": ["road", "car"], "keypoint": []}
SCHEMAS = {
    "bounding_box": {"classification_schema": [{"code": "car"}, {"code": "bus", "id": 3}]},
    "polygon": {"classification_schema": [{"code": "road"}, {"code": "car"}, {"id": 4}]},
}
CLASSES = [
    LabelClass("car", ("bounding_box", "polygon")),
    LabelClass("bus", ("bounding_box",)),
    LabelClass("road", ("polygon",)),
]


@pytest.mark.parametrize("section", [PLAIN, SCHEMAS], ids=["names", "schemas"])
def test_both_shapes_of_the_configuration_are_read(section: Any) -> None:
    assert read_classes({"classification": section, "tools": []}) == CLASSES


@pytest.mark.parametrize("configuration", [None, {}, {"classification": None}, {"x": 1}, [1]])
def test_no_classes(configuration: Any) -> None:
    assert read_classes(configuration) == []


def test_names_are_compared_as_people_see_them() -> None:
    (one,) = read_classes({"classification": {"polygon": ["caf\u00e9", "cafe\u0301 "]}})
    assert one.name == "caf\u00e9"
    assert check_annotations([Polygon([(0, 0), (1, 0), (0, 1)], label="cafe\u0301")], [one]) == []


SIZES = {"image_1": (100, 50)}


@pytest.mark.parametrize(
    ("annotations", "codes"),
    [
        ([Box(0, 0, 100, 50, label="car")], []),
        ([Box(0, 0, 100.4, 50, label="car")], []),
        ([Box(0, 0, 102, 50, label="car")], ["outside"]),
        ([Box(-3, 0, 10, 5, label="car")], ["outside"]),
        ([Box(5, 5, 0, 5, label="car")], ["no-area"]),
        ([Box(5, 5, 5, 0, label="car")], ["no-area"]),
        ([Box(5, 5, 1, 1, label="road")], ["unknown-class"]),
        ([Box(5, 5, 1, 1)], ["no-class"]),
        ([Keypoint(5, 5, label="nose")], ["unknown-tool"]),
        ([Mask([], label="car")], ["unknown-tool", "no-area"]),
        ([Label(label="car")], ["unknown-tool"]),
        ([Polygon([(0, 0), (200, 0), (0, 5)], label="road")], ["outside"]),
        (
            [Box(0, 0, 1, 1, id="a", label="car"), Box(0, 0, 1, 1, id="a", label="car")],
            ["duplicate-id", "duplicate-id"],
        ),
        ([Box(0, 0, 1, 1, id="a", label="car"), Group(["a"]), Group(["a"])], ["two-groups"]),
        ([Group(["a"])], ["missing-member"]),
        ([Box(0, 0, 1, 1, id="a", label="car"), Relation("a", "b")], ["missing-member"]),
    ],
)
def test_faults_are_found(annotations: list[Any], codes: list[str]) -> None:
    placed = [attrs.evolve(each, medium="image_1") for each in annotations]
    problems = check_annotations(placed, CLASSES, SIZES)
    assert [problem.code for problem in problems] == codes
    assert all(problem.annotation.id in problem.message for problem in problems)


def test_documents_are_checked_with_their_sizes() -> None:
    document = {
        "extra": {"image_1": {"width": 10, "height": 10}},
        "annotations": {
            "image_1": [
                {"id": "a", "tool": "bounding_box", "classification": {"class": "car"}},
                {"id": "b", "tool": "bounding_box", "classification": {"class": "car"}},
            ]
        },
        "annotationsData": {
            "image_1": [{"id": "a", "coordinate": {"x": 5, "y": 5, "width": 10, "height": 2}}]
        },
    }
    codes = [problem.code for problem in check_annotations(document, CLASSES)]
    assert codes == ["outside", "unreadable"]
    assert check_annotations(read_document(document), CLASSES) == check_annotations(
        document, CLASSES
    )
    assert [problem.code for problem in check_annotations(document)] == ["outside", "unreadable"]


@pytest.mark.parametrize("points", [[], [(0, 0)], [(0, 0), (5, 5)], [(0, 0), (2, 2), (5, 5)]])
def test_an_outline_without_area_is_named(points: Any) -> None:
    assert [each.code for each in check_annotations([Polygon(points)])] == ["no-area"]


def test_an_outline_that_crosses_itself_has_an_area() -> None:
    bow = Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    assert (bow.area, check_annotations([bow])) == (0, [])


def test_a_box_with_two_negative_sides_has_no_area() -> None:
    place = {"id": "a", "coordinate": {"x": 30, "y": 30, "width": -20, "height": -20}}
    document = {
        "annotations": {"image_1": [{"id": "a", "tool": "bounding_box"}]},
        "annotationsData": {"image_1": [place]},
    }
    found = read_document(document)
    assert found.of(Box)[0].width == -20
    assert write_document(found, like=document) == document
    assert [each.code for each in check_annotations(found)] == ["no-area"]
