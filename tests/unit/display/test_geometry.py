"""The geometry of drawings."""

from __future__ import annotations

import math
from typing import Any

import pytest

from synapse.annotations import Box, Keypoint, Label, Mask, Polygon
from synapse.annotations.other_media import BoxTrack, Cuboid
from synapse.display.geometry import (
    apply_matrix,
    find_turn,
    format_number,
    make_path,
    merge_runs,
    read_bounds,
    read_corners,
    scale_runs,
    simplify,
)

STRAIGHT = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [(1, (1, 2)), (2, (9, 2)), (3, (9, 3)), (4, (1, 3)), (5, (2, 1)), (6, (3, 1)), (8, (2, 9))],
)
def test_points_turn_with_the_picture(orientation: int, expected: Any) -> None:
    assert apply_matrix(find_turn(orientation, 10, 5), 1, 2) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, "1"), (1.26, "1.3"), (-0.04, "0"), (-2.5, "-2.5")]
)
def test_numbers_are_short(value: float, expected: str) -> None:
    assert format_number(value) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Box(1, 2, 3, 4), [(1, 2), (4, 2), (4, 6), (1, 6)]),
        (Polygon([(0, 0), (1, 0), (1, 1)]), [(0, 0), (1, 0), (1, 1)]),
        (BoxTrack({7: (1, 1, 1, 1), 3: (0, 0, 2, 1)}), [(0, 0), (2, 0), (2, 1), (0, 1)]),
        (Label(label="night"), None),
        (Keypoint(1, 2), None),
        (Box(10**400, 0, 1, 1), None),
    ],
)
def test_corners(annotation: Any, expected: Any) -> None:
    corners = read_corners(annotation)

    assert (None if corners is None else [(round(x), round(y)) for x, y in corners]) == expected


def test_cuboid_is_seen_from_above() -> None:
    cuboid = Cuboid(position=(5, 5, 0), rotation=(0, 0, math.pi / 2), scale=(4, 2, 9))

    corners = read_corners(cuboid)
    assert corners is not None
    assert sorted((round(x), round(y)) for x, y in corners) == [(4, 3), (4, 7), (6, 3), (6, 7)]


def test_bounds_that_are_too_large_for_a_drawing_are_left_out() -> None:
    assert read_bounds(Box(10**400, 0, 1, 1)) is None
    assert read_bounds(Box(1, 2, 3, 4)) == (1, 2, 3, 4)


def test_points_that_change_no_pixel_are_dropped() -> None:
    points = [(0, 0), (0.2, 0.2), (5, 0), (1e300, 5)]

    assert simplify(points, STRAIGHT, (10, 10)) == [(0, 0), (5, 0), (410, 5)]
    assert len(simplify([(n, n % 7) for n in range(5000)], STRAIGHT, (9000, 10))) == 400


def test_path_has_relative_steps() -> None:
    assert make_path([(1, 1), (2.5, 1), (2.5, 3)], is_closed=True) == "M1 1l1.5 0 0 2z"
    assert make_path([(1, 1)], is_closed=False) == "M1 1"


def test_runs_are_scaled_and_merged() -> None:
    mask = Mask([(4, 4), (12, 2)], size=(4, 4))

    assert scale_runs(mask, (4, 4), (2, 2)) == [(0, 2), (2, 1)]
    assert merge_runs([(5, 2), (0, 3), (3, 1)]) == [(0, 4), (5, 2)]
