"""Runs of masks, against sets of pixels."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations.masks import (
    Runs,
    area,
    bounds,
    decode_counts,
    encode_counts,
    from_array,
    from_indices,
    from_pixels,
    intersection,
    merge,
    move,
    normalize,
    rasterize,
    to_array,
    to_indices,
    to_png,
)
from synapse.errors import FieldValueError, UsageError

from .mask_cases import Mask, draw_masks, draw_pairs, make_runs


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8))))
def test_normal_runs_cover_the_same_pixels(runs: list[tuple[int, int]]) -> None:
    pixels = {start + i for start, length in runs for i in range(length)}

    assert normalize(runs) == make_runs(pixels)
    assert normalize([list(run) for run in runs], 48, 1) == make_runs(pixels)
    assert normalize(normalize(runs)) == make_runs(pixels)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], ()),
        ([[3, 0]], ()),
        ([[4, 2], [0, 2]], ((0, 2), (4, 2))),
        ([[0, 2], [2, 2]], ((0, 4),)),
        ([[0, 9], [2, 2], [8, 3]], ((0, 11),)),
        (((0, 2), (0, 2)), ((0, 2),)),
        (((0, 2), (1, 0), (5, 1)), ((0, 2), (5, 1))),
        (([0, 2], (5, 1)), ((0, 2), (5, 1))),
    ],
)
def test_normal_runs(runs: Any, expected: Runs) -> None:
    assert normalize(runs) == expected
    assert all(type(run) is tuple for run in normalize(runs))


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([[0, 1], [2, -1]], r"runs\[1\]: \[2, -1\] is not a run"),
        ([[-1, 2]], r"runs\[0\]: \[-1, 2\] is not a run"),
        (((-1, 2),), r"runs\[0\]: \(-1, 2\) is not a run"),
        ([[0, 1, 2]], r"runs\[0\]"),
        (((0, 1, 2),), r"runs\[0\]"),
        ([[0, 1.0]], r"runs\[0\]"),
        (((0, True),), r"runs\[0\]"),
        ([[0, math.nan]], r"runs\[0\]"),
        (["ab"], r"runs\[0\]"),
        ([[0, "1"]], r"runs\[0\]"),
        ([7], r"runs\[0\]: 7 is not a run"),
        ([[0, 1], [5, 2]], r"runs\[1\]: \[5, 2\] is outside a mask of 3 x 2 pixels"),
        (((0, 1), (5, 2)), r"runs\[1\]: \(5, 2\) is outside a mask of 3 x 2 pixels"),
        ([[7, 0]], r"runs\[0\]"),
        ([[10**30, 1]], r"runs\[0\]"),
    ],
)
@pytest.mark.parametrize("convert", [normalize, encode_counts, to_array, to_png])
def test_wrong_run_is_named(runs: Any, message: str, convert: Any) -> None:
    with pytest.raises(FieldValueError, match=message):
        convert(runs, 3, 2)


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (0, 2, "width"),
        (3, -1, "height"),
        (None, 2, "width"),
        (3, None, "height"),
        (3.0, 2, "width"),
        (True, 2, "width"),
        (2**21, 1, "width"),
        (2**20, 2**20, "height"),
    ],
)
@pytest.mark.parametrize(
    "convert",
    [normalize, from_indices, encode_counts, decode_counts, to_array, to_png, rasterize],
)
def test_wrong_size_is_refused(width: Any, height: Any, name: str, convert: Any) -> None:
    with pytest.raises(UsageError, match=f"{name}="):
        convert([], width, height)


@given(draw_masks(), st.randoms())
def test_indices_round_trip(mask: Mask, order: random.Random) -> None:
    width, height, pixels = mask
    runs = make_runs(pixels)
    shuffled = [*pixels, *sorted(pixels)[:3]]
    order.shuffle(shuffled)

    assert to_indices(runs) == sorted(pixels)
    assert from_indices(shuffled) == runs
    assert from_indices(iter(shuffled), width, height) == runs


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, -1], r"indices\[1\]: -1 is not a pixel's index"),
        ([0, 1.0], r"indices\[1\]: 1.0 is not"),
        ([True], r"indices\[0\]: True is not"),
        (["1"], r"indices\[0\]: '1' is not"),
        ([[0, 1]], r"indices\[0\]"),
        ([5, 6], r"indices\[1\]: 6 is outside a mask of 3 x 2 pixels"),
    ],
)
def test_wrong_index_is_named(indices: Any, message: str) -> None:
    with pytest.raises(FieldValueError, match=message):
        from_indices(indices, 3, 2)


@given(draw_pairs())
def test_measures_of_masks(pair: tuple[int, int, set[int], set[int]]) -> None:
    width, _, first, second = pair
    a, b = make_runs(first), make_runs(second)

    assert area(a) == len(first)
    assert intersection(a, b) == intersection(b, a) == len(first & second)
    assert intersection([list(run) for run in reversed(a)], b) == len(first & second)
    assert merge(a, b) == merge(b, a) == make_runs(first | second)
    assert merge(a) == a
    columns = [pixel % width for pixel in first] or [0]
    rows = [pixel // width for pixel in first] or [0]
    size = (max(columns) + 1 - min(columns), max(rows) + 1 - min(rows)) if first else (0, 0)
    assert bounds(a, width) == (min(columns), min(rows), *size)


def test_measures_count_overlaps_once() -> None:
    assert area([[0, 3], [2, 2]]) == 4
    assert to_indices([[0, 3], [2, 2]]) == [0, 1, 2, 3]
    assert intersection([[0, 3], [2, 2]], [[0, 9]]) == 4
    assert bounds([[7, 1], [1, 1]], 5) == (1, 0, 2, 2)
    assert merge() == ()


def fill(points: list[tuple[float, float]], width: int, height: int) -> set[int]:
    """The pixels whose centres are inside a ring, in exact numbers."""
    pixels = set()
    for y, x in itertools.product(range(height), range(width)):
        center_x, center_y = Fraction(2 * x + 1, 2), Fraction(2 * y + 1, 2)
        crossings = 0
        for one, other in zip(points, [*points[1:], points[0]], strict=True):
            (x1, y1), (x2, y2) = (tuple(map(Fraction, point)) for point in (one, other))
            if min(y1, y2) <= center_y < max(y1, y2):
                crossings += x1 + (x2 - x1) * (center_y - y1) / (y2 - y1) <= center_x
        if crossings % 2:
            pixels.add(y * width + x)
    return pixels


COORDINATES = st.integers(-12, 60).map(lambda number: number / 4)
POINTS = st.tuples(COORDINATES, COORDINATES)


@given(st.lists(POINTS, min_size=3, max_size=8), st.integers(1, 12), st.integers(1, 12))
def test_polygon_covers_the_centres_inside(
    points: list[tuple[float, float]], width: int, height: int
) -> None:
    assert rasterize(points, width, height) == make_runs(fill(points, width, height))
    assert rasterize(points[::-1], width, height) == rasterize(points, width, height)


@given(st.lists(st.tuples(*[st.floats(0, 12)] * 2), min_size=4, max_size=4))
def test_polygons_with_a_common_edge_share_no_pixel(points: list[tuple[float, float]]) -> None:
    # The even-odd rule: the ring is what exactly one of the two triangles covers.
    a, b, c, d = points
    one, other = rasterize([a, b, c], 12, 12), rasterize([c, d, a], 12, 12)

    covered = {*to_indices(one)} ^ {*to_indices(other)}

    assert rasterize(points, 12, 12) == make_runs(covered)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 1), (4, 1), (4, 3), (1, 3)], [6, 7, 8, 11, 12, 13]),
        ([(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)], [0]),
        ([(0.6, 0.6), (1.4, 0.6), (1.4, 1.4), (0.6, 1.4)], []),
        ([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)], list(range(20))),
        ([(0, 0), (5, 0), (0, 0)], []),
        # A ring that crosses itself: both halves.
        ([(0, 0), (4, 4), (4, 0), (0, 4)], [3, 5, 7, 8, 10, 12, 13, 18]),
    ],
)
def test_polygon(points: list[tuple[float, float]], expected: list[int]) -> None:
    assert to_indices(rasterize(points, 5, 4)) == expected


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "points has 0 points"),
        ([(0, 0), (1, 1)], "points has 2 points"),
        ([(0, 0), (1, 1), (math.nan, 2)], r"points\[2\]"),
        ([(0, 0), (1, math.inf), (1, 2)], r"points\[1\]"),
        ([(0, 0), (1, 10**400), (1, 2)], r"points\[1\]"),
        ([(0, 0), (1, 1e300), (1, 2)], r"points\[1\]"),
        ([(0, 0, 0), (1, 1), (1, 2)], r"points\[0\]"),
        ([0, 0, 1, 1, 1, 2], r"points\[0\]: 0 is not a point"),
        ([("0", 0), (1, 1), (1, 2)], r"points\[0\]"),
        ([(True, 0), (1, 1), (1, 2)], r"points\[0\]"),
    ],
)
def test_wrong_point_is_named(points: Any, message: str) -> None:
    with pytest.raises(FieldValueError, match=message):
        rasterize(points, 5, 5)


@given(draw_masks())
def test_array_round_trip(mask: Mask) -> None:
    width, height, pixels = mask
    runs = make_runs(pixels)

    array = to_array(runs, width, height)

    assert array.shape == (height, width)
    assert array.dtype == np.bool_
    assert set(np.flatnonzero(array).tolist()) == pixels
    assert from_array(array) == from_array(array.tolist()) == runs
    assert from_array(np.asfortranarray(array)) == runs
    assert from_array(array * np.float32(0.5)) == runs


@pytest.mark.parametrize("array", [[True], [[[True]]], True])
def test_array_needs_two_dimensions(array: Any) -> None:
    with pytest.raises(FieldValueError, match="shape"):
        from_array(array)


def test_array_can_be_written_to() -> None:
    array = to_array(((0, 1),), 2, 2)

    array[1, 1] = True

    assert from_array(array) == ((0, 1), (3, 1))


@given(st.binary(max_size=30), st.none() | st.integers(0, 255))
def test_pixels_by_value(pixels: bytes, value: int | None) -> None:
    inside = {i for i, p in enumerate(pixels) if (p != 0 if value is None else p == value)}

    assert from_pixels(pixels, value) == make_runs(inside)


@pytest.mark.parametrize("value", [-1, 256, True, 1.0])
def test_value_is_a_byte(value: Any) -> None:
    with pytest.raises(UsageError, match="value="):
        from_pixels(b"\0", value)


@given(draw_masks(), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_a_mask_moves_with_all_pixels(mask: Mask, x: int, y: int, more: int) -> None:
    width, _, pixels = mask
    wide = width + x + more
    moved = move(make_runs(pixels), width, x, y, wide)

    expected = {(at // width + y) * wide + at % width + x for at in pixels}
    assert moved == make_runs(expected)
    assert move(moved, wide, -x, -y, width) == make_runs(pixels)
