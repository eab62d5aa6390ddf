"""Outlines of masks, against their pixels."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import Polygon, masks
from synapse.annotations.outlines import Outline, trace_outlines
from synapse.errors import FieldValueError, UsageError


def read(text: str) -> tuple[masks.Runs, int, int]:
    """Return the mask that lines of `#` and `.` draw."""
    lines = text.split()
    pixels = [at for at, sign in enumerate("".join(lines)) if sign == "#"]
    return masks.from_indices(pixels), len(lines[0]), len(lines)


def find_parts(pixels: set[int], width: int) -> list[set[int]]:
    """Return the sets of pixels that touch by an edge, by the slow way."""
    left, parts = set(pixels), []
    while left:
        part, edge = set(), [min(left)]
        while edge:
            pixel = edge.pop()
            if pixel in left:
                left.remove(pixel)
                part.add(pixel)
                x = pixel % width
                edge += [pixel - width, pixel + width]
                edge += [pixel - 1] * (x > 0) + [pixel + 1] * (x < width - 1)
        parts.append(part)
    return parts


@given(st.data(), st.integers(1, 11), st.integers(1, 11))
def test_outlines_are_the_borders_of_the_parts(
    data: st.DataObject, width: int, height: int
) -> None:
    bits = data.draw(st.integers(0, 2 ** (width * height) - 1))
    pixels = {at for at in range(width * height) if bits >> at & 1}

    outlines = trace_outlines(masks.from_indices(pixels), width, height)

    covered = []
    for each in outlines:
        whole = set(masks.to_indices(masks.rasterize(each.points, width, height)))
        for hole in each.holes:
            gap = set(masks.to_indices(masks.rasterize(hole, width, height)))
            assert gap < whole
            assert not gap & pixels or len(outlines) > 1  # a hole may have a part within
            whole -= gap
        covered.append(whole)
    assert covered == find_parts(pixels, width)
    for ring in itertools.chain.from_iterable([(each.points, *each.holes) for each in outlines]):
        assert len(set(ring)) >= 4
        for (x, y), (next_x, next_y) in itertools.pairwise([*ring, ring[0]]):
            assert (x == next_x) != (y == next_y)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("...\n...", []),
        ("#", [Outline(((0, 0), (1, 0), (1, 1), (0, 1)))]),
        (
            "##.\n##.\n.##",
            [Outline(((0, 0), (2, 0), (2, 2), (3, 2), (3, 3), (1, 3), (1, 2), (0, 2)))],
        ),
        # A common corner isn't enough for one part.
        (
            "#.\n.#",
            [
                Outline(((0, 0), (1, 0), (1, 1), (0, 1))),
                Outline(((1, 1), (2, 1), (2, 2), (1, 2))),
            ],
        ),
        (
            "###\n#.#\n###",
            [
                Outline(
                    ((0, 0), (3, 0), (3, 3), (0, 3)),
                    (((2, 1), (1, 1), (1, 2), (2, 2)),),
                )
            ],
        ),
    ],
    ids=["empty", "pixel", "stairs", "corner", "hole"],
)
def test_outline(text: str, expected: list[Outline]) -> None:
    assert trace_outlines(*read(text)) == expected


def test_holes_belong_to_the_part_around_them() -> None:
    runs, width, height = read(
        """
        #######.###
        #.....#.#.#
        #.###.#.###
        #.#.#.#....
        #.###.#.###
        #.....#.#.#
        #######.###
        """
    )

    outlines = trace_outlines(runs, width, height)

    assert [len(each.holes) for each in outlines] == [1, 1, 1, 1]
    assert [Polygon(each.points).area for each in outlines] == [49, 9, 9, 9]
    assert [Polygon(each.holes[0]).area for each in outlines] == [25, 1, 1, 1]
    assert [each.holes for each in trace_outlines(runs, width, height, holes=False)] == [()] * 4


def test_many_holes_below_each_other() -> None:
    runs, width, height = read("#####\n" + "#.#.#\n#####\n" * 50)

    (outline,) = trace_outlines(runs, width, height)

    assert len(outline.holes) == 100


def test_large_disc_comes_back() -> None:
    side = 400
    rows = [round((1 - (2 * y / side - 1) ** 2) ** 0.5 * side / 2) for y in range(side)]
    runs = masks.normalize([(y * side + side // 2 - half, 2 * half) for y, half in enumerate(rows)])

    (outline,) = trace_outlines(runs, side, side)

    assert masks.rasterize(outline.points, side, side) == runs


def test_wrong_masks_are_refused() -> None:
    with pytest.raises(FieldValueError, match="outside a mask of 3 x 2 pixels"):
        trace_outlines([(5, 2)], 3, 2)
    with pytest.raises(UsageError, match="width="):
        trace_outlines([], 0, 2)
