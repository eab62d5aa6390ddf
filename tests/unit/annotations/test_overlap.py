"""Intersection over union of boxes and masks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import Box, Label, Mask, Polygon, overlap
from synapse.annotations.overlap import iou, match_annotations
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
        (Polygon([(0, 0), (8, 0), (8, 8)]), Polygon([(0, 0), (8, 0), (8, 8)]), 1),
        (
            Polygon([(0, 0), (8, 0), (8, 8), (0, 8)]),
            Polygon([(4, 0), (12, 0), (12, 8), (4, 8)]),
            1 / 3,
        ),
        (Polygon([(0, 0), (8, 0), (8, 8)]), Polygon([(9, 0), (12, 0), (12, 8)]), 0),
        (Polygon([(1, 1), (2, 2)]), Polygon([(1, 1), (2, 2)]), 0),
        # Larger than the grid, with corners beyond the picture.
        (
            Polygon([(-1e6, 0), (1e6, 0), (1e6, 1e6), (-1e6, 1e6)]),
            Polygon([(-1e6, 0), (0, 0), (0, 1e6), (-1e6, 1e6)]),
            0.5,
        ),
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


# -- Pairs ---------------------------------------------------------------------------------------


def pairs(ones: list[Any], others: list[Any]) -> list[tuple[int, int, float]]:
    matches = match_annotations(ones, others)
    return [(ones.index(a), others.index(b), round(share, 3)) for a, b, share in matches]


def test_best_pair_is_taken_first() -> None:
    ones = [Box(0, 0, 10, 10), Box(4, 0, 10, 10)]
    others = [Box(5, 0, 10, 10), Box(90, 0, 10, 10)]

    # Both overlap with the same box: the nearer one gets it.
    assert pairs(ones, others) == [(1, 0, 0.818)]
    assert pairs(others, ones) == [(0, 1, 0.818)]


def test_each_annotation_is_in_one_pair() -> None:
    twice = [Box(0, 0, 10, 10), Box(0, 0, 10, 10, id="b")]

    assert pairs(twice, [Box(0, 0, 10, 10), Box(0, 0, 10, 5)]) == [(0, 0, 1.0), (1, 1, 0.5)]
    assert len(match_annotations(twice, twice[:1])) == 1


def test_only_what_is_alike_is_paired() -> None:
    box = Box(0, 0, 4, 4, label="car", medium="image_1")
    others = [
        Box(0, 0, 4, 4, label="bus", medium="image_1"),
        Box(0, 0, 4, 4, label="car", medium="image_2"),
        Polygon([(0, 0), (4, 0), (4, 4)], label="car", medium="image_1"),
        Label(label="car", medium="image_1"),
    ]

    assert match_annotations([box, Label(label="car", medium="image_1")], others) == []
    assert len(match_annotations([box], [*others, box])) == 1


def test_masks_of_unknown_size_are_paired() -> None:
    masks = [Mask([(100, 4)]), Mask([(0, 4)])]

    assert pairs(masks, [Mask([(2, 4)]), Mask([(500, 4)])]) == [(1, 0, 0.333)]
    assert match_annotations([Mask([])], [Mask([])]) == []


def test_far_annotations_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_MOST_PAIRS", 3 * 1000)
    row = [Box(at * 20, 0, 10, 10) for at in range(1000)]

    assert len(match_annotations(row, row)) == 1000


def test_too_many_near_annotations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_MOST_PAIRS", 99)
    heap = [Box(0, 0, 10, 10)] * 10

    with pytest.raises(UsageError, match="More than 99 pairs"):
        match_annotations(heap, heap)
