"""Intersection over union of boxes and masks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import Box, Label, Mask
from synapse.annotations.overlap import iou
from synapse.errors import UsageError

numbers = st.floats(0.5, 50)
boxes = st.builds(Box, numbers, numbers, numbers, numbers, rotation=st.floats(-4, 4))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1),
        (Box(0, 0, 10, 10), Box(5, 0, 10, 10), 1 / 3),
        (Box(0, 0, 10, 10), Box(10, 0, 10, 10), 0),
        (Box(0, 0, 10, 10), Box(2, 2, 5, 5), 0.25),
        (Box(0, 0, 0, 0), Box(0, 0, 0, 0), 0),
        # A square turned by an eighth: the overlap of both is a regular octagon.
        (Box(-1, -1, 2, 2), Box(-1, -1, 2, 2, rotation=math.pi / 4), 1 / math.sqrt(2)),
        (Box(0, 0, 10, 4), Box(3, -3, 4, 10, rotation=math.pi / 2), 1),
        (Mask([(0, 4)]), Mask([(2, 4)]), 1 / 3),
        (Mask([(0, 4)]), Mask([(4, 4)]), 0),
    ],
)
def test_overlap(one: Box, other: Box, expected: float) -> None:
    assert iou(one, other) == pytest.approx(expected)
    assert iou(other, one) == pytest.approx(expected)


@given(boxes, boxes)
def test_overlap_is_a_share_and_symmetric(one: Box, other: Box) -> None:
    assert -1e-9 <= iou(one, other) <= 1 + 1e-9
    assert iou(one, other) == pytest.approx(iou(other, one), abs=1e-6)
    assert iou(one, one) == pytest.approx(1)


def test_other_annotations_are_refused() -> None:
    with pytest.raises(UsageError, match="not Box and Label"):
        iou(Box(0, 0, 1, 1), Label(label="rain"))
