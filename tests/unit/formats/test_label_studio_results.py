"""Results of Label Studio, region by region."""

from __future__ import annotations

import math
from typing import Any

import pytest

from synapse.annotations import Annotation, Box, Keypoint, Label, Mask, Polygon, Relation
from synapse.formats import FormatReport
from synapse.formats.label_studio_results import (
    ResultReader,
    read_label,
    read_labels,
    read_stated_size,
    write_result,
)
from synapse.formats.parts import Unfit

SIZE = (50, 40)


@pytest.mark.parametrize(
    "shape",
    [
        Box(1, 2, 3, 4, label="car", id="a", attributes={"x": [1]}),
        Box(10, 12, 6, 4, label="car", id="a", rotation=math.radians(30)),
        Polygon([(1, 1), (9, 1), (9, 9)], label="car", id="a"),
        Mask([(55, 3), (105, 3)], size=SIZE, label="car", id="a"),
        Keypoint(3, 4, visibility="occluded", label="nose", id="a"),
        Label(label="sunny", id="a"),
        Relation("a", "b", label="on", id="arb"),
        Box(1, 2, 3, 4, id="a"),
    ],
)
def test_an_annotation_comes_back(shape: Annotation) -> None:
    report = FormatReport()
    result = write_result(shape, SIZE, "a.jpg", report)
    (found,) = ResultReader("a.jpg", SIZE, report).read([result])

    assert (type(found), found.id, found.label) == (type(shape), shape.id, shape.label)
    assert found.attributes == shape.attributes
    if shape.bounds is not None:
        assert found.bounds == pytest.approx(shape.bounds)
    assert not report.skipped


def test_a_mask_has_the_size_that_its_result_states() -> None:
    report = FormatReport()
    result = write_result(Mask([(3, 4)], size=(9, 9), label="car", id="a"), SIZE, "a.jpg", report)
    result |= {"original_width": 9, "original_height": 9}
    (found,) = ResultReader("a.jpg", SIZE, report).read([result])
    assert isinstance(found, Mask)
    assert found.size == (9, 9)

    result |= {"original_width": 2**20, "original_height": 2**20}
    assert ResultReader("a.jpg", SIZE, report).read([result]) == []
    assert report.skipped == {"bad-mask": 1}


def test_annotations_without_a_place_are_refused() -> None:
    with pytest.raises(Unfit) as caught:
        write_result(Box(1, 2, 3, 4), None, "a.jpg", FormatReport())
    assert caught.value.code == "no-size"


@pytest.mark.parametrize(
    ("result", "labels"),
    [
        ({"type": "choices", "value": {"choices": ["a", 1, "b"]}}, ["a", "b"]),
        ({"type": "choices", "value": {"choices": "a"}}, []),
        ({"type": 1, "value": []}, []),
    ],
)
def test_labels(result: dict[str, Any], labels: list[str]) -> None:
    assert read_labels(result) == labels
    assert read_label(result) == (labels[0] if labels else None)


@pytest.mark.parametrize(("width", "size"), [(3, (3, 4)), (0, None), ("3", None), (None, None)])
def test_stated_sizes(width: Any, size: Any) -> None:
    assert read_stated_size({"original_width": width, "original_height": 4}) == size
