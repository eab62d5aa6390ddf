"""Forms of documents that are read: version 2, wrapped ones, those of importers."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.annotations import (
    Box,
    Group,
    Keypoint,
    Mask,
    OtherAnnotation,
    Polygon,
    Relation,
    read_document,
    write_document,
)
from synapse.annotations.versions import natural_key

VERSION_2: dict[str, Any] = {
    "classification": {"bounding_box": ["car"], "keypoint": ["nose"]},
    "images": [
        {
            "bounding_box": [
                {
                    "id": "car1",
                    "classification": "car",
                    "data": [10.5, 20, 100, 50],
                    "attrs": [
                        {"name": "rotation", "value": 0.12},
                        {"name": "occluded", "value": True},
                        {"name": "_internal", "value": 1},
                        "text of an older converter",
                    ],
                    "group_id": "pair",
                }
            ],
            "keypoint": [
                {
                    "id": "nose",
                    "classification": "nose",
                    "attrs": [],
                    "data": [33, 41],
                    "visibility": 2,
                    "group_id": "pair",
                }
            ],
            "polygon": [{"id": "road", "classification": "road", "data": [[0, 0], [9, 0], [9, 5]]}],
            "ellipse": [{"id": "odd", "classification": "lamp", "data": [1, 2]}],
            "relation": [{"id": "has", "classification": "has", "data": ["car1", "nose"]}],
            "group": [{"id": "both", "data": ["road", "odd"]}],
            "segmentation": [
                {
                    "id": "mask",
                    "classification": "sky",
                    "data": {"pixel_indices": [3, 4, 5], "encoding": "raw_indices"},
                }
            ],
        },
        {},
    ],
}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: inner,
        lambda inner: {"annotation_data": inner},
        lambda inner: {"annotation_data": inner, "annotation_meta": None},
        lambda inner: {
            "annotation_data": inner,
            "annotation_meta": {"extra": {"image_1": {"width": 20, "height": 10}}},
        },
    ],
    ids=["plain", "wrapped", "without meta", "sizes in meta"],
)
def test_version_2_is_read(wrap: Any) -> None:
    found = read_document(wrap(VERSION_2))

    car = found.by_id("car1")
    assert isinstance(car, Box)
    assert (car.xywh, car.rotation, car.label) == ((10.5, 20, 100, 50), 0.12, "car")
    assert car.attributes == {"occluded": True}
    nose = found.by_id("nose")
    assert isinstance(nose, Keypoint)
    assert (nose.x, nose.y, nose.visibility) == (33, 41, "visible")
    assert found.group_of(car) == found.group_of(nose) == found.by_id("pair")
    assert [group.members for group in found.of(Group)] == [("car1", "nose"), ("road", "odd")]
    assert [(each.start_id, each.end_id) for each in found.of(Relation)] == [("car1", "nose")]
    assert found.of(Polygon)[0].points == ((0, 0), (9, 0), (9, 5))
    assert found.of(Mask)[0].runs == ((3, 3),)
    assert found.of(OtherAnnotation)[0].tool == "ellipse"

    written = write_document(found, like=wrap(VERSION_2))
    assert read_document(written) == found
    assert "images" not in written


EDITORS: dict[str, Any] = {
    "annotations": {"image_1": [{"id": "a", "tool": "classification", "more": 1}]},
    "annotationsData": {"image_1": []},
}


def test_version_1_of_a_wrapped_document_is_preferred() -> None:
    document = {"annotation_data": VERSION_2, "annotation_meta": EDITORS}
    assert read_document(document) == read_document(EDITORS)
    assert write_document(read_document(document), like=document) == EDITORS


def test_importers_form_is_read() -> None:
    document = {
        "annotations": {
            "image": [
                {"id": "car1", "tool": "boundingBox", "data": [1, 2, 3, 4], "classification": "car"}
            ]
        }
    }
    (car,) = read_document(document)
    assert isinstance(car, Box)
    assert (car.xywh, car.label, car.medium) == ((1, 2, 3, 4), "car", "image_1")
    written = write_document([car], like=document)
    assert written["annotationsData"] == {
        "image_1": [{"id": "car1", "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}}]
    }


def test_importers_skeleton_becomes_a_group() -> None:
    joints = [[1, 2, 2], [3, 4, 0]]
    item = {"id": "one", "classification": "person", "data": joints, "bounding_box": [0, 0, 5, 5]}

    found = read_document({"images": [{"keypoint": [item]}]})

    assert [(each.x, each.y, each.visibility) for each in found.of(Keypoint)] == [
        *((1, 2, "visible"), (3, 4, "missing"))
    ]
    assert found.of(Box)[0].xywh == (0, 0, 5, 5)
    assert len(found.of(Group)[0].members) == 3


def test_media_are_in_natural_order() -> None:
    media = ["image_10", "image_2", "audio_1", "image"]
    assert sorted(media, key=natural_key) == ["audio_1", "image", "image_2", "image_10"]
