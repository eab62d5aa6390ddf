"""Targets of samples: boxes, numbers of classes, masks."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from synapse.annotations import Annotations, Box, Group, Keypoint, Label, Mask, Polygon, Polyline
from synapse.errors import MissingExtra, SampleError, UsageError
from synapse.integrations.samples import PictureSample
from synapse.integrations.targets import TargetBuilder, find_labels


def sample(*annotations: Any) -> PictureSample:
    return PictureSample(5, "a.png", (20, 10), Annotations(annotations))


def test_boxes_of_every_kind() -> None:
    parts = [
        Polygon([(0, 0), (4, 0), (4, 4)], label="b"),
        Polygon([(6, 0), (9, 0), (9, 3)], label="b"),
    ]
    crowd = Box(1, 2, 3, 4, label="a", attributes={"iscrowd": True})
    group = Group(members=[part.id for part in parts])
    turned = Box(5, 5, 4, 2, label="a", rotation=1.5707963267948966)
    others = [Polyline([(0, 0), (1, 1)], label="a"), Label(label="a"), Keypoint(1, 1, label="a")]

    target = TargetBuilder(classes=("a", "b")).build(sample(crowd, *parts, group, turned, *others))
    assert target["image_id"] == 5
    assert target["boxes"][:2] == [[1, 2, 4, 6], [0, 0, 9, 4]]
    assert target["boxes"][2] == pytest.approx([6, 4, 8, 8])
    assert (target["labels"], target["iscrowd"]) == ([1, 2, 1], [1, 0, 0])
    assert target["area"][1] == 12.5


def test_other_classes() -> None:
    found = sample(Box(1, 2, 3, 4, label="a"), Box(1, 2, 3, 4, label="z"))

    assert TargetBuilder(classes=("z",), is_closed=True).build(found)["labels"] == [1]
    with pytest.raises(SampleError, match=r"5, a\.png: the class 'z' is not among the classes a"):
        TargetBuilder(classes=("a",)).build(found)
    with pytest.raises(SampleError, match=r"\(none\)"):
        TargetBuilder().build(found)


def test_class_of_a_picture() -> None:
    found = sample(Label(label="b"), Label(label="x"), Box(1, 2, 3, 4, label="a"))

    assert TargetBuilder("classification", ("a", "b"), is_closed=True).build(found) == 1
    with pytest.raises(SampleError, match="has the classes b, x"):
        TargetBuilder("classification", ("a", "b", "x")).build(found)
    with pytest.raises(SampleError, match="'x' is not among"):
        TargetBuilder("classification", ("a",)).build(sample(Label(label="x")))


def test_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = TargetBuilder(classes=("a",), masks=True)
    found = sample(Mask([(0, 3)], size=(20, 10), label="a"), Box(1, 2, 3, 4, label="a"))

    masks = builder.build(found)["masks"]
    assert masks.shape == (2, 10, 20)
    assert [int(each.sum()) for each in masks] == [3, 12]
    assert builder.build(sample())["masks"].shape == (0, 10, 20)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(MissingExtra):
        builder.build(found)


def test_labels_with_numbers() -> None:
    found = sample(
        Box(0, 0, 1, 1, label="a"),
        Label(label="b"),
        Keypoint(1, 1, label="c"),
        Box(0, 0, 1, 1),
        Mask([(0, 1)], size=(20, 10), label="d"),
    )
    assert find_labels("detection", found.annotations) == {"a", "d"}
    assert find_labels("classification", found.annotations) == {"b"}


def test_unknown_kind_is_refused() -> None:
    kind: Any = "boxes"
    with pytest.raises(UsageError, match="'detection', 'classification', 'annotations'"):
        TargetBuilder(kind)
